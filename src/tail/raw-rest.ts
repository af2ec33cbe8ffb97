import { partitionOfKey } from '../platform/log/murmur2.ts';
import type { OutRecord } from '../platform/log/log.ts';
import { compareBinlogPoints } from './binlog-point.ts';
import type { BinlogPoint } from './binlog-point.ts';
import type { RawFrom } from './position.ts';
import { compareRawPlaces } from './raw-end.ts';
import type { SourceChange } from './source.ts';

type PartitionEnd = NonNullable<RawFrom['ends']>[number];

/**
 * What is missing in raw topics that somebody else wrote: its partitions may end at different places,
 * when it was cut off, and one of them within the records of a change.
 */
export class RawRest {
  readonly #from: RawFrom;
  readonly #partitions: number;
  readonly #ends: ReadonlyMap<string, PartitionEnd>;

  /** @param partitions Of each raw topic. */
  constructor(from: RawFrom, partitions: number) {
    this.#from = from;
    this.#partitions = partitions;
    this.#ends = new Map((from.ends ?? []).map((end) => [`${end.table}/${end.partition}`, end]));
  }

  /** Those of the records of one change that are not in their partitions yet. */
  missing(
    { position, table }: Pick<SourceChange, 'position' | 'table'>,
    records: readonly OutRecord[],
  ): readonly OutRecord[] {
    const { after } = this.#from;
    if (compareRawPlaces(position, this.#from) > 0) return records;
    // Every partition ends at the same place.
    if (!after || compareBinlogPoints(position, after) < 0) return [];
    const seen = new Map<number, number>();
    return records.filter(({ key }) => {
      const partition = partitionOfKey(Buffer.from(key!), this.#partitions);
      const end = this.#ends.get(`${table}/${partition}`);
      if (!end) return true;
      const order = compareRawPlaces(position, end);
      if (order !== 0) return order > 0;
      const nth = (seen.get(partition) ?? 0) + 1;
      seen.set(partition, nth);
      return nth > end.records;
    });
  }

  /** What is left of it where all changes up to a boundary were written; null: nothing. */
  afterPassing(boundary: BinlogPoint): RawFrom | null {
    const { after, ends, ...highest } = this.#from;
    const passed = { file: boundary.file, pos: boundary.pos, row: -1 };
    if (compareRawPlaces(passed, highest) >= 0) return null;
    if (!after || !ends || compareBinlogPoints(boundary, after) <= 0) return this.#from;
    const left = ends.filter((end) => compareRawPlaces(end, passed) > 0);
    return { ...highest, after: { file: boundary.file, pos: boundary.pos }, ends: left };
  }
}
