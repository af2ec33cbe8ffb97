import type { FoldEvent } from '../../../src/contracts/fold.ts';
import {
  anyOpen,
  closeEach,
  fitting,
  need,
  needAccount,
  numberOf,
  opened,
  ownOpen,
} from './handler.ts';
import type { Handler } from './handler.ts';
import { SqlFault } from './java-tables.ts';

/** The column of a snapshot's name holds as many characters. */
const nameLength = 128;

/** Usage types 25, 27 and 28: usage_vmsnapshot, usage_snapshot_on_primary and usage_backup. */
export const snapshotHandlers: Readonly<Record<string, Handler>> = {
  'VMSNAPSHOT.CREATE'(ctx, event) {
    needAccount(ctx, event);
    const volume = need(event.templateId);
    const { offeringId: offering, size } = event;
    const second = numberOf(event, 'vmSnapshotId');
    const columns = { template: volume, offering, size: size ?? '0', second };
    const row = opened('vmSnapshot', event, columns);
    const key = `${row.accountId} ${volume} ${row.resource} ${row.beginMs}`;
    ctx.tables.insert(row, ctx.keys === null ? [] : [key]);
  },
  'VMSNAPSHOT.DELETE'(ctx, event) {
    needAccount(ctx, event);
    // A comparison with NULL finds nothing.
    const found = ownOpen(ctx, 'vmSnapshot', event).filter(
      ({ zoneId, offering }) =>
        zoneId === event.zoneId && offering !== null && offering === event.offeringId,
    );
    closeEach(ctx, found, event.createdMs);
  },
  'VMSNAPSHOT.ON_PRIMARY'(ctx, event) {
    needAccount(ctx, event);
    const second = numberOf(event, 'vmSnapshotId');
    const sizes = { size: event.size ?? '0', virtualSize: event.virtualSize ?? '0' };
    const name = fitting(ctx, event.resourceName, nameLength);
    const row = opened('onPrimary', event, { name, second, ...sizes });
    const key = `${row.accountId} ${row.resource} ${row.beginMs}`;
    ctx.tables.insert(row, ctx.keys === null ? [] : [key]);
  },
  'VMSNAPSHOT.OFF_PRIMARY'(ctx, event) {
    const found = ownOpen(ctx, 'onPrimary', event).filter(
      ({ name }) => name !== null && name === event.resourceName,
    );
    closeEach(ctx, found, event.createdMs);
  },
  'BACKUP.OFFERING.ASSIGN'(ctx, event) {
    needAccount(ctx, event);
    const offering = need(event.offeringId);
    ctx.tables.insert(opened('backup', event, { offering, size: '0', virtualSize: '0' }));
  },
  'BACKUP.OFFERING.BACKUPS.DEL'(ctx, event) {
    needAccount(ctx, event);
    // The statement is made of a value that is not there, and its transaction rolled back.
    if (event.offeringId === null) throw new SqlFault('offering');
    const own = ownOpen(ctx, 'backup', event);
    closeEach(
      ctx,
      own.filter((row) => row.offering === event.offeringId),
      event.createdMs,
    );
  },
  'BACKUP.USAGE.METRIC'(ctx, event) {
    needAccount(ctx, event);
    if (event.size === null) return;
    const [row] = anyOpen(ctx, 'backup', event).filter(isOffered(event));
    if (row === undefined) return;
    const sizes = { size: event.size, virtualSize: event.virtualSize ?? '0' };
    ctx.tables.update('backup', row.resource, ({ id }) => id === row.id, sizes);
  },
};

const isOffered =
  (event: FoldEvent) =>
  ({ offering }: { readonly offering: string | null }): boolean =>
    offering === event.offeringId;
