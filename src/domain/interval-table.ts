import type { Interval } from './intervals.ts';

/**
 * The intervals of one kind of one account while a window is folded: rows in serial order, and an
 * index of the open ones by resource, built when the first event asks for it. Rows themselves never
 * change; a changed row takes the place of the old one.
 */
export class IntervalTable<T extends Interval> {
  readonly #resourceOf: (row: T) => string;
  readonly #changed = new Set<number>();
  #rows: readonly T[];
  /** Own copy of the rows, once something was written. */
  #own: T[] | null = null;
  #open: Map<string, number[]> | null = null;

  constructor(rows: readonly T[], resourceOf: (row: T) => string) {
    this.#rows = rows;
    this.#resourceOf = resourceOf;
  }

  /** All rows in serial order. */
  get rows(): readonly T[] {
    return this.#rows;
  }

  /** Rows that were inserted or changed, as they are now. */
  get changed(): readonly T[] {
    return this.#changed.size === 0 ? [] : this.#rows.filter((r) => this.#changed.has(r.serial));
  }

  /** The open rows of a resource in serial order; empty when there are none. */
  openOf(resource: string): readonly T[] {
    const at = this.#index().get(resource);
    return at === undefined ? [] : at.map((position) => this.#row(position));
  }

  /** Adds a row; its serial must be the highest. */
  insert(row: T): void {
    const rows = this.#write();
    rows.push(row);
    this.#changed.add(row.serial);
    if (row.endMs === null) put(this.#index(), this.#resourceOf(row), rows.length - 1);
  }

  /** Puts `next` where the open row `row` is; both have the same serial and resource. */
  replace(row: T, next: T): void {
    const open = this.#index().get(this.#resourceOf(row)) ?? [];
    const at = open.findIndex((position) => this.#row(position).serial === row.serial);
    const position = open[at];
    if (position === undefined) throw new Error(`interval ${row.serial} is not open`);
    this.#write()[position] = next;
    this.#changed.add(row.serial);
    if (next.endMs !== null) open.splice(at, 1);
  }

  /** Puts `next` where the closed row `row` is: of what its rule knows only once the row is read. */
  replaceClosed(row: T, next: T): void {
    const position = this.#rows.findIndex(({ serial }) => serial === row.serial);
    if (this.#rows[position]?.endMs == null)
      throw new Error(`interval ${row.serial} is not closed`);
    this.#write()[position] = next;
    this.#changed.add(row.serial);
  }

  #row(position: number): T {
    const row = this.#rows[position];
    if (row === undefined) throw new Error(`no interval at ${position}`);
    return row;
  }

  #write(): T[] {
    this.#own ??= [...this.#rows];
    this.#rows = this.#own;
    return this.#own;
  }

  #index(): Map<string, number[]> {
    if (this.#open !== null) return this.#open;
    const index = new Map<string, number[]>();
    for (const [position, row] of this.#rows.entries())
      if (row.endMs === null) put(index, this.#resourceOf(row), position);
    this.#open = index;
    return index;
  }
}

function put(index: Map<string, number[]>, resource: string, position: number): void {
  const positions = index.get(resource);
  if (positions === undefined) index.set(resource, [position]);
  else positions.push(position);
}
