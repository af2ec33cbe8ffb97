import type { FoldEvent } from '../../../src/contracts/fold.ts';
import type { Handler, HandlerContext } from './handler.ts';
import { NullFault, SqlFault } from './java-tables.ts';
import { networkHandlers } from './network-handlers.ts';
import { snapshotHandlers } from './snapshot-handlers.ts';
import { storageHandlers } from './storage-handlers.ts';
import { vmHandlers } from './vm-handlers.ts';

export interface EventFaults {
  /** An exception of a handler fails the run. */
  readonly failedJob: boolean;
  /** A start or a creation of a VM without what it needs is done by half. */
  readonly silent: boolean;
}

export interface Applied {
  /** Events that are processed. */
  readonly processed: readonly FoldEvent[];
  /** Events that come again in the next run, as often as there are runs. */
  readonly stuck: readonly FoldEvent[];
  readonly fails: boolean;
}

const handlers: Readonly<Record<string, Handler>> = {
  ...vmHandlers,
  ...storageHandlers,
  ...networkHandlers,
  ...snapshotHandlers,
};

/**
 * Handles the events of a run, all in one transaction. A statement that fails rolls all of it back,
 * after which each statement is committed by itself. Without unique keys, and where a run does not
 * fail, an event that cannot be used is left out alone.
 */
export function applyEvents(
  ctx: HandlerContext,
  work: readonly FoldEvent[],
  faults: EventFaults,
): Applied {
  const { tables } = ctx;
  let undone = 0;
  for (const [at, event] of work.entries()) {
    const mark = tables.mark();
    try {
      handlers[event.type]?.(ctx, event);
    } catch (error) {
      const isSilent = /^VM\.(START|CREATE)$/.test(event.type);
      if (error instanceof SqlFault && ctx.keys !== null) {
        // VM.UPGRADE and VM.DYNAMIC.SCALE let pass what is no duplicate key.
        const isSwallowed = isSilent || error.message !== 'vm_name';
        const before = undone;
        if (undone === 0) {
          tables.rollback();
          undone = at + 1;
        }
        if (!isSwallowed && faults.failedJob)
          return failed(ctx, work.slice(before || at + 1, at + 1));
      } else if (error instanceof NullFault && isSilent && faults.silent) {
        // Its first steps stay.
      } else if (error instanceof NullFault && !isSilent && faults.failedJob) {
        if (undone === 0) tables.rollback();
        return failed(ctx, undone === 0 ? [] : work.slice(undone, at + 1));
      } else if (error instanceof NullFault || error instanceof SqlFault) tables.rollback(mark);
      else throw error;
    }
    if (undone > 0) tables.commit();
  }
  tables.commit();
  return { processed: work.slice(undone), stuck: work.slice(0, undone), fails: false };
}

/** After statements that were committed one by one, what they did stays: the event that failed is processed too. */
function failed({ tables }: HandlerContext, processed: readonly FoldEvent[]): Applied {
  tables.commit();
  return { processed, stuck: [], fails: true };
}
