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
  #text: string | null = null;

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

  /** @param gtid One transaction, `uuid:number` or `uuid:tag:number`. */
  add(gtid: string): void {
    const at = gtid.lastIndexOf(':');
    const key = gtid.slice(0, at).toLowerCase();
    const number = BigInt(gtid.slice(at + 1));
    this.#put(key, [{ from: number, to: number }]);
  }

  addAll(other: MysqlGtidSet): void {
    for (const [key, intervals] of other.#intervals) this.#put(key, intervals);
  }

  #put(key: string, more: readonly Interval[]): void {
    this.#text = null;
    const own = this.#intervals.get(key) ?? [];
    this.#intervals.set(key, joined([...own, ...more]));
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

  /** As the server prints `gtid_executed`, without line breaks; the same set is the same text. */
  toString(): string {
    this.#text ??= this.#print();
    return this.#text;
  }

  #print(): string {
    const keys = [...this.#intervals.keys()].sort();
    return [...Map.groupBy(keys, (key) => key.split(':')[0] ?? '')]
      .map(([uuid, own]) => [uuid, ...own.flatMap((key) => this.#items(key))].join(':'))
      .join(',');
  }

  #items(key: string): string[] {
    const tag = key.split(':')[1];
    const items = (this.#intervals.get(key) ?? []).map(({ from, to }) =>
      from === to ? `${from}` : `${from}-${to}`,
    );
    return tag === undefined ? items : [tag, ...items];
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
