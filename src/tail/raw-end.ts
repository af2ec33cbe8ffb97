import type { EventLog } from '../platform/log/log.ts';
import { changeEvents } from '../../streams/change-events.ts';
import { adoptedChange, adoptedLayout } from './adopted-change.ts';
import { compareBinlogPoints } from './binlog-point.ts';
import type { BinlogPoint } from './binlog-point.ts';
import { capturedTables } from './captured-tables.ts';
import type { TableLayout } from './table-layout.ts';

/** A row change in the binlog. */
export interface RawPlace extends BinlogPoint {
  /** -1: none of the rows there. */
  readonly row: number;
}

export const compareRawPlaces = (a: RawPlace, b: RawPlace): number =>
  compareBinlogPoints(a, b) || a.row - b.row;

/**
 * The last change of the binlog that is in the raw topics, whoever wrote it: exact where a stored
 * offset tells only the transaction. null when there is none.
 */
export async function rawEnd(
  log: EventLog,
  prefix: string,
  cloudSchema: string,
  signal: AbortSignal,
): Promise<RawPlace | null> {
  let last: RawPlace | null = null;
  for (const table of capturedTables) {
    const topic = changeEvents(cloudSchema, table.name).topic(prefix);
    const layout = adoptedLayout(cloudSchema, table);
    for (const { partition, earliest, next } of await log.offsets(topic)) {
      const found = await lastOf(log, { topic, partition, earliest, next, layout, signal });
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
    signal: AbortSignal;
  },
): Promise<RawPlace | null> {
  const { topic, partition, earliest, next, layout, signal } = where;
  for (let step = 16; next > earliest; step *= 16) {
    const from = Math.max(earliest, next - step);
    let last: RawPlace | null = null;
    for await (const { records } of log.read({ topic, partition, from, until: next, signal }))
      for (const { value } of records) {
        const change = value === null ? null : adoptedChange(value.toString(), layout);
        if (change) last = { ...change.position };
      }
    if (last !== null || from === earliest) return last;
  }
  return null;
}
