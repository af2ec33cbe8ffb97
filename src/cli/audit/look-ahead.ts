/** Takes from an ordered stream what belongs to a place in it, and leaves the rest. */
export class LookAhead<T> {
  readonly #items: AsyncIterator<T>;
  #next: IteratorResult<T> | null = null;

  constructor(items: AsyncIterable<T>) {
    this.#items = items[Symbol.asyncIterator]();
  }

  /** The items up to the first that does not belong. */
  async takeWhile(belongs: (item: T) => boolean): Promise<T[]> {
    const taken: T[] = [];
    for (;;) {
      this.#next ??= await this.#items.next();
      if (this.#next.done === true || !belongs(this.#next.value)) return taken;
      taken.push(this.#next.value);
      this.#next = null;
    }
  }

  /** Passes over items. @returns how many */
  async skipWhile(isBefore: (item: T) => boolean): Promise<number> {
    let skipped = 0;
    for (;;) {
      this.#next ??= await this.#items.next();
      if (this.#next.done === true || !isBefore(this.#next.value)) return skipped;
      skipped += 1;
      this.#next = null;
    }
  }
}
