import type { EpochMs } from '../contracts/time.ts';
import type { EventLog } from '../platform/log/log.ts';
import { changeEvents } from '../../streams/change-events.ts';
import { adoptedChange, adoptedLayout } from './adopted-change.ts';
import { compareBinlogPoints } from './binlog-point.ts';
import type { BinlogPoint } from './binlog-point.ts';
import { capturedTables } from './captured-tables.ts';
import type { SourceChange } from './source.ts';
import type { TableLayout } from './table-layout.ts';
import { ownVersion } from './tail-options.ts';

/** A row change in the binlog. */
export interface RawPlace extends BinlogPoint {
  /** -1: none of the rows there. */
  readonly row: number;
}

export const compareRawPlaces = (a: RawPlace, b: RawPlace): number =>
  compareBinlogPoints(a, b) || a.row - b.row;

/** JSON in which quotes within values are escaped: no row can look like this. */
const isOurs = (text: string): boolean => text.includes(`"version":"${ownVersion}`);

/**
 * The last change of the binlog that a Debezium wrote to the raw topics: exact where a stored offset
 * tells only the transaction. null when there is none. What we wrote ourselves lies before our own
 * position, or in the binlog of a server that has been left since.
 *
 * @param sinceMs What was committed before, by the source's clock, is of a history that has been left; 0: nothing.
 */
export async function rawEnd(
  log: EventLog,
  { prefix, cloudSchema }: { readonly prefix: string; readonly cloudSchema: string },
  sinceMs: EpochMs,
  signal: AbortSignal,
): Promise<RawPlace | null> {
  let last: RawPlace | null = null;
  for (const table of capturedTables) {
    const topic = changeEvents(cloudSchema, table.name).topic(prefix);
    const layout = adoptedLayout(cloudSchema, table);
    for (const { partition, earliest, next } of await log.offsets(topic)) {
      const found = await lastOf(log, {
        topic,
        partition,
        earliest,
        next,
        layout,
        sinceMs,
        signal,
      });
      if (found && (last === null || compareRawPlaces(found, last) > 0)) last = found;
    }
  }
  return last;
}

async function lastOf(
  log: EventLog,
  where: {
    topic: string;
    partition: number;
    earliest: number;
    next: number;
    layout: TableLayout;
    sinceMs: EpochMs;
    signal: AbortSignal;
  },
): Promise<RawPlace | null> {
  const { topic, partition, earliest, next, layout, sinceMs, signal } = where;
  for (let step = 16; next > earliest; step *= 16) {
    const from = Math.max(earliest, next - step);
    let last: { readonly text: string; readonly change: SourceChange } | null = null;
    for await (const { records } of log.read({ topic, partition, from, until: next, signal }))
      for (const { value } of records) {
        const text = value?.toString() ?? null;
        const change = text === null ? null : adoptedChange(text, layout);
        if (text !== null && change) last = { text, change };
      }
    if (last === null) {
      if (from === earliest) return null;
      continue;
    }
    const { text, change } = last;
    // The binlog's times are in seconds.
    if (isOurs(text) || change.commitMs < Math.floor(sinceMs / 1000) * 1000) return null;
    const { file, pos, row } = change.position;
    // A snapshot has its place, and no row of the binlog.
    return { file, pos, row: change.op === 'r' ? -1 : row };
  }
  return null;
}
