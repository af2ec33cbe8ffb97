import type { EpochMs } from '../../contracts/time.ts';
import { zero } from '../event-rule.ts';
import type { VmSnapshotInterval } from '../intervals.ts';
import type { Ledger } from '../ledger.ts';
import type { RowContext } from '../usage-row-form.ts';
import type { VmSnapshotTime } from './vm-snapshot.ts';

/**
 * The billed time of VM snapshots as CloudStack's usage server finds it (quirk `vmSnapshotChain`):
 * of one volume, a snapshot ends when the next one is taken, and only the newest goes on. A deletion
 * is never an end: it takes the snapshot out of later windows, this one is billed or not as a whole.
 * Reading changes the ledger: predecessors are marked closed at the run time.
 */
export function chainedTime(ledger: Ledger, ctx: RowContext): VmSnapshotTime[] {
  const { startMs, endMs, runMs } = ctx.window;
  const table = ledger.tables.vmSnapshot;
  const found: VmSnapshotTime[] = [];
  const pending = new Map<string, VmSnapshotInterval>();

  for (const row of selected(table.rows, ctx)) {
    const chain = `${row.vmId}:${row.volumeId}`;
    const before = row.beginMs < startMs ? undefined : predecessor(ledger, row);
    if (before === undefined || before.size === zero) {
      pending.set(chain, row);
      continue;
    }
    found.push({ ...time(ctx, before, row.beginMs, row), idOf: row });
    table.replace(before, { ...before, endMs: runMs, closedBy: row.openedBy });
    if (row.size !== zero) pending.set(chain, row);
    else if (row.endMs === null)
      table.replace(row, { ...row, endMs: runMs, closedBy: row.openedBy });
    else table.replaceClosed(row, { ...row, endMs: runMs });
  }
  for (const row of pending.values()) found.push(time(ctx, row, endMs, null));
  return withUniqueKeys(found);
}

function selected(rows: readonly VmSnapshotInterval[], { window }: RowContext) {
  return rows
    .filter((row) => row.beginMs >= window.startMs || row.endMs === null)
    .filter((row) => row.beginMs < window.endMs)
    .toSorted((a, b) => a.beginMs - b.beginMs);
}

/** The newest open snapshot of the same volume that was taken in an earlier second. */
function predecessor(ledger: Ledger, row: VmSnapshotInterval): VmSnapshotInterval | undefined {
  return ledger.tables.vmSnapshot
    .openOf(row.vmId)
    .filter((other) => other.volumeId === row.volumeId && other.beginMs < row.beginMs)
    .toSorted((a, b) => b.beginMs - a.beginMs)[0];
}

function time(
  ctx: RowContext,
  row: VmSnapshotInterval,
  stopMs: EpochMs,
  next: VmSnapshotInterval | null,
): VmSnapshotTime {
  const beginMs = Math.max(row.beginMs, ctx.window.startMs);
  const billedMs = stopMs - beginMs + (next === null ? 0 : 1);
  const lineage = {
    openedBy: row.openedBy,
    closedBy: next?.openedBy ?? null,
    beginMs,
    endMs: stopMs,
    billedMs,
  };
  return { key: row.openedBy, ms: billedMs, lineage: [lineage], row };
}

/** A snapshot that an empty one follows is billed twice: to it, and to the end of the window. */
function withUniqueKeys(found: readonly VmSnapshotTime[]): VmSnapshotTime[] {
  const seen = new Set<string>();
  return found.map((entry) => {
    const key = seen.has(entry.key) ? `${entry.key}+` : entry.key;
    seen.add(key);
    return { ...entry, key };
  });
}
