import type { FoldEvent } from '../../../src/contracts/fold.ts';
import { u64 } from '../../../src/contracts/ids.ts';
import { closeEach, need, needAccount, opened, ownOpen } from './handler.ts';
import type { Handler, HandlerContext } from './handler.ts';

/** storage_type */
const template = 1;
const iso = 2;
const snapshot = 3;
const uploaded = 4;

/** Usage types 6, 7, 8, 9 and 26: usage_volume and usage_storage. */
export const storageHandlers: Readonly<Record<string, Handler>> = {
  'VOLUME.CREATE'(ctx, event) {
    needAccount(ctx, event);
    need(event.size);
    closeEach(ctx, openOf(ctx, event, uploaded), event.createdMs);
    closeEach(ctx, ownOpen(ctx, 'volume', event), event.createdMs);
    insertVolume(ctx, event, null);
    if (event.vmId !== null) insertVolume(ctx, event, event.vmId);
  },
  'VOLUME.RESIZE'(ctx, event) {
    for (const row of ownOpen(ctx, 'volume', event)) {
      needAccount(ctx, event);
      need(event.size);
      closeEach(ctx, [row], event.createdMs);
      insertVolume(ctx, event, row.vm);
    }
  },
  'VOLUME.ATTACH'(ctx, event) {
    needAccount(ctx, event);
    need(event.size);
    closeEach(ctx, attached(ctx, event), event.createdMs);
    insertVolume(ctx, event, event.vmId);
  },
  'VOLUME.DETACH': (ctx, event) => closeEach(ctx, attached(ctx, event), event.createdMs),
  'VOLUME.DELETE': (ctx, event) => closeEach(ctx, ownOpen(ctx, 'volume', event), event.createdMs),
  'VOLUME.UPLOAD'(ctx, event) {
    needAccount(ctx, event);
    need(event.size);
    closeEach(ctx, openOf(ctx, event, uploaded), event.createdMs);
    insertStorage(ctx, event, uploaded, { virtualSize: null, template: event.templateId });
  },
  'TEMPLATE.CREATE': addTemplate,
  'TEMPLATE.COPY': addTemplate,
  'TEMPLATE.DELETE': (ctx, event) => closeEach(ctx, inZone(ctx, event, template), event.createdMs),
  'ISO.CREATE': addIso,
  'ISO.COPY': addIso,
  'ISO.DELETE': (ctx, event) => closeEach(ctx, inZone(ctx, event, iso), event.createdMs),
  'SNAPSHOT.CREATE'(ctx, event) {
    needAccount(ctx, event);
    const size = need(ctx.virtualSizes ? event.virtualSize : event.size);
    insertStorage(ctx, { ...event, size: u64(size) }, snapshot, {
      virtualSize: null,
      template: null,
    });
  },
  'SNAPSHOT.DELETE': (ctx, event) => closeEach(ctx, openOf(ctx, event, snapshot), event.createdMs),
};

function addTemplate(ctx: HandlerContext, event: FoldEvent): void {
  if (need(event.size) === '0' || inZone(ctx, event, template).length > 0) return;
  needAccount(ctx, event);
  const { virtualSize, templateId } = event;
  insertStorage(ctx, event, template, { virtualSize, template: templateId });
}

function addIso(ctx: HandlerContext, event: FoldEvent): void {
  const virtualSize = need(event.size);
  if (inZone(ctx, event, iso).length > 0) return;
  needAccount(ctx, event);
  insertStorage(ctx, event, iso, { virtualSize, template: null });
}

function insertStorage(
  ctx: HandlerContext,
  event: FoldEvent,
  kind: number,
  columns: { readonly virtualSize: string | null; readonly template: string | null },
): void {
  const row = opened('storage', event, { kind, size: event.size, ...columns });
  const key = `${row.resource} ${kind} ${row.zoneId} ${row.beginMs}`;
  ctx.tables.insert(row, ctx.keys === null ? [] : [key]);
}

function insertVolume(ctx: HandlerContext, event: FoldEvent, vm: string | null): void {
  const { offeringId: offering, templateId, size } = event;
  const row = opened('volume', event, { offering, template: templateId, size, vm });
  const key = `${row.resource} ${row.beginMs}`;
  if (ctx.keys === 'volume') ctx.tables.insert(row, [key]);
  else if (ctx.keys === 'volume and vm' && vm !== null) ctx.tables.insert(row, [`${key} ${vm}`]);
  else ctx.tables.insert(row);
}

const attached = (ctx: HandlerContext, event: FoldEvent) =>
  ownOpen(ctx, 'volume', event).filter(({ vm }) => vm !== null);

const openOf = (ctx: HandlerContext, event: FoldEvent, kind: number) =>
  ownOpen(ctx, 'storage', event).filter((row) => row.kind === kind);

const inZone = (ctx: HandlerContext, event: FoldEvent, kind: number) =>
  openOf(ctx, event, kind).filter(({ zoneId }) => zoneId === event.zoneId);
