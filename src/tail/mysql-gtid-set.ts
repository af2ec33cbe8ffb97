interface Interval {
  readonly from: bigint;
  readonly to: bigint;
}

/**
 * A MySQL GTID set: intervals of transaction numbers by server UUID and, since MySQL 8.3, by tag.
 * For example `3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:8:nightly:1-3`.
 *
 * @see https://dev.mysql.com/doc/refman/8.4/en/replication-gtids-concepts.html
 */
export class MysqlGtidSet {
  readonly #intervals = new Map<string, readonly Interval[]>();

  /** @throws Error when the text is no GTID set. */
  constructor(text: string) {
    const found = new Map<string, Interval[]>();
    for (const part of text.split(',')) {
      const [uuid = '', ...items] = part.trim().toLowerCase().split(':');
      if (uuid === '') continue;
      let key = uuid;
      for (const item of items.map((each) => each.trim())) {
        const [, from, to] = /^(\d+)(?:-(\d+))?$/.exec(item) ?? [];
        if (from === undefined) {
          if (!/^[a-z_][a-z0-9_]{0,31}$/.test(item)) throw new Error(`not a GTID set: ${part}`);
          key = `${uuid}:${item}`;
        } else {
          const intervals = found.get(key) ?? [];
          found.set(key, intervals);
          intervals.push({ from: BigInt(from), to: BigInt(to ?? from) });
        }
      }
    }
    for (const [key, intervals] of found) this.#intervals.set(key, joined(intervals));
  }

  /** Whether every transaction of the other set is in this one. */
  contains(other: MysqlGtidSet): boolean {
    for (const [key, intervals] of other.#intervals) {
      const own = this.#intervals.get(key) ?? [];
      const isHere = ({ from, to }: Interval) =>
        own.some((each) => each.from <= from && to <= each.to);
      if (!intervals.every(isHere)) return false;
    }
    return true;
  }
}

// Neighbours become one, so that an interval of a subset lies within one of these.
function joined(intervals: readonly Interval[]): readonly Interval[] {
  const result: Interval[] = [];
  for (const each of intervals.toSorted((a, b) => (a.from < b.from ? -1 : 1))) {
    const last = result.at(-1);
    if (!last || each.from > last.to + 1n) result.push(each);
    else if (each.to > last.to) result[result.length - 1] = { from: last.from, to: each.to };
  }
  return result;
}
