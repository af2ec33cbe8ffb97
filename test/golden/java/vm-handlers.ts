import type { FoldEvent } from '../../../src/contracts/fold.ts';
import { anyOpen, closeEach, isBeyond, need, numberOf, opened } from './handler.ts';
import type { Handler, HandlerContext } from './handler.ts';
import { SqlFault } from './java-tables.ts';

const running = 1;
const allocated = 2;

/** Usage types 1 and 2: what VM events do to usage_vm_instance. */
export const vmHandlers: Readonly<Record<string, Handler>> = {
  'VM.CREATE': (ctx, event) => insert(ctx, event, allocated),
  'VM.START': start,
  'VM.DYNAMIC.SCALE': start,
  'VM.UPGRADE'(ctx, event) {
    close(ctx, event, allocated);
    insert(ctx, event, allocated);
  },
  'VM.STOP': (ctx, event) => close(ctx, event, running),
  'VM.DESTROY': (ctx, event) => close(ctx, event, allocated),
};

function start(ctx: HandlerContext, event: FoldEvent): void {
  close(ctx, event, running);
  const open = openOf(ctx, event, allocated);
  const [row] = open;
  if (open.length === 1 && row && row.offering !== need(event.offeringId))
    // What was meant as a new row takes the place of the old one, which is never closed.
    ctx.tables.update('vm', row.resource, ({ id }) => id === row.id, {
      beginMs: event.createdMs,
      offering: event.offeringId,
      ...custom(event),
    });
  insert(ctx, event, running);
}

function insert(ctx: HandlerContext, event: FoldEvent, kind: number): void {
  const { resourceName: name } = event;
  const columns = {
    kind,
    name,
    offering: need(event.offeringId),
    template: need(event.templateId),
    hypervisor: event.resourceType,
    ...custom(event),
  };
  // The column takes neither NULL nor characters beyond the first 65536.
  if (name === null || (ctx.keys !== null && isBeyond(name))) throw new SqlFault('vm_name');
  ctx.tables.insert(opened('vm', event, columns));
}

const openOf = (ctx: HandlerContext, event: FoldEvent, kind: number) =>
  anyOpen(ctx, 'vm', event).filter((row) => row.kind === kind);

const close = (ctx: HandlerContext, event: FoldEvent, kind: number): void =>
  closeEach(ctx, openOf(ctx, event, kind), event.createdMs);

const custom = (event: FoldEvent) => ({
  cores: numberOf(event, 'cpuNumber'),
  speed: numberOf(event, 'cpuSpeed'),
  memory: numberOf(event, 'memory'),
});
