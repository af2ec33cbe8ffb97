import type { EpochMs } from '../contracts/time.ts';
import { partitionOfKey } from '../platform/log/murmur2.ts';
import type { EventLog, LogRecord } from '../platform/log/log.ts';
import { changeEvents } from '../../streams/change-events.ts';
import { adoptedChange, adoptedLayout } from './adopted-change.ts';
import { compareBinlogPoints } from './binlog-point.ts';
import type { BinlogPoint } from './binlog-point.ts';
import { capturedTables } from './captured-tables.ts';
import type { RawFrom } from './position.ts';
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
 * What a Debezium that was stopped, or cut off, wrote to the raw topics. Its offset says what is in all of
 * them, if only up to a transaction. Of what it sent after that, each partition has a part of its own: the
 * broker takes the partitions one by one. So each is read back from its end to the offset. What we wrote
 * ourselves lies before our own position, or in the binlog of a server that has been left since.
 *
 * @param after   Debezium's offset.
 * @param sinceMs What was committed before, by the source's clock, is of a history that has been left; 0: nothing.
 */
export async function findRawFrom(
  log: EventLog,
  { prefix, cloudSchema }: { readonly prefix: string; readonly cloudSchema: string },
  after: BinlogPoint,
  sinceMs: EpochMs,
  signal: AbortSignal,
): Promise<RawFrom> {
  let highest: RawPlace = { ...after, row: -1 };
  let isByKey = true;
  const ends: NonNullable<RawFrom['ends']> = [];
  for (const table of capturedTables) {
    const topic = changeEvents(cloudSchema, table.name).topic(prefix);
    const layout = adoptedLayout(cloudSchema, table);
    const offsets = await log.offsets(topic);
    for (const { partition, earliest, next } of offsets) {
      const where = { topic, partition, earliest, next, signal };
      const found = await scanBack(log, where, () => {
        return new PartitionScan({ layout, partition, partitions: offsets.length, after, sinceMs });
      });
      isByKey &&= found?.isByKey ?? true;
      if (!found?.end) continue;
      ends.push({ table: table.name, partition, ...found.end });
      const { file, pos, row } = found.end;
      if (compareRawPlaces(found.end, highest) > 0) highest = { file, pos, row };
    }
  }
  // Where somebody chose the partitions, they cannot be told from our keys.
  return isByKey ? { ...highest, after, ends } : highest;
}

/** Reads a partition from its end backwards, in growing steps, until a scan has seen enough. */
async function scanBack(
  log: EventLog,
  where: { topic: string; partition: number; earliest: number; next: number; signal: AbortSignal },
  openScan: () => PartitionScan,
): Promise<PartitionScan | null> {
  const { topic, partition, earliest, next, signal } = where;
  for (let step = 16; next > earliest; step *= 16) {
    const from = Math.max(earliest, next - step);
    const scan = openScan();
    for await (const { records } of log.read({ topic, partition, from, until: next, signal }))
      for (const record of records) scan.saw(record);
    signal.throwIfAborted();
    if (scan.isWhole || from === earliest) return scan;
  }
  return null;
}

type End = RawPlace & { readonly records: number };

/** A change of a key is a delete, its tombstone and a create; any other change is one of these or the first two. */
const changeParts = ['delete', 'tombstone', 'row'] as const;
type ChangePart = (typeof changeParts)[number];

export interface ScannedPartition {
  readonly layout: TableLayout;
  readonly partition: number;
  /** Of its topic. */
  readonly partitions: number;
  readonly after: BinlogPoint;
  readonly sinceMs: EpochMs;
}

/** The end of a partition, from its records in their order, the last ones of it. */
export class PartitionScan {
  readonly #of: ScannedPartition;
  /** The last change after the offset; with records that were sent twice it is not the last record. */
  end: End | null = null;
  /** Something was seen that the records after the offset come after. */
  isWhole = false;
  /** Each record is in the partition that our key would give it. */
  isByKey = true;
  /** The change of the record before, and its records so far in a row. */
  #run: (End & { readonly last: ChangePart }) | null = null;

  constructor(of: ScannedPartition) {
    this.#of = of;
  }

  saw({ key, value }: Pick<LogRecord, 'key' | 'value'>): void {
    if (value === null) {
      // The tombstone is a record of the delete before it.
      if (this.#run) this.#count(this.#run, 'tombstone');
      return;
    }
    const { layout, after, sinceMs } = this.#of;
    const text = value.toString();
    const change = adoptedChange(text, layout);
    if (!change) {
      this.#run = null;
      return;
    }
    const { file, pos } = change.position;
    // The binlog's times are in seconds.
    const isLeft = isOurs(text) || change.commitMs < Math.floor(sinceMs / 1000) * 1000;
    if (isLeft) this.end = null;
    if (isLeft || compareBinlogPoints({ file, pos }, after) < 0) {
      this.isWhole = true;
      this.#run = null;
      return;
    }
    this.isByKey &&= this.#isByKey(key);
    // A snapshot has its place, and no row of the binlog.
    const row = change.op === 'r' ? -1 : change.position.row;
    this.#count({ file, pos, row }, change.op === 'd' ? 'delete' : 'row');
  }

  #count({ file, pos, row }: RawPlace, last: ChangePart): void {
    const before = this.#run;
    // One that was sent twice without another between begins with a part that it had, or one before that.
    const goesOn =
      before !== null &&
      compareRawPlaces(before, { file, pos, row }) === 0 &&
      changeParts.indexOf(last) > changeParts.indexOf(before.last);
    const records = goesOn ? before.records + 1 : 1;
    this.#run = { file, pos, row, records, last };
    const order = this.end === null ? 1 : compareRawPlaces(this.#run, this.end);
    if (order > 0 || (order === 0 && records > this.end!.records))
      this.end = { file, pos, row, records };
  }

  #isByKey(key: Buffer | null): boolean {
    const { layout, partition, partitions } = this.#of;
    if (!key?.toString().startsWith(`{"${layout.table.primaryKey}":`)) return false;
    return partitionOfKey(key, partitions) === partition;
  }
}
