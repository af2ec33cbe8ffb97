/**
 * Which ids of a table are still to be looked for. Ids are given out before their rows are committed, so a lower
 * one may appear after a higher one: every id that was given out less than a window ago is
 * looked for again at each poll, older ones never. Time is a clock that never jumps.
 */
export class LateIds {
  readonly #held: Set<string>;
  readonly #samples: { readonly atMs: number; readonly maxId: bigint }[] = [];
  #settled: bigint;

  /**
   * @param settled Nothing up to this id is looked for.
   * @param held Ids above it that were read already; others are passed over.
   */
  constructor(settled: string, held: Iterable<string>) {
    this.#settled = BigInt(settled);
    this.#held = new Set();
    for (const id of held) if (BigInt(id) > this.#settled) this.#held.add(id);
  }

  get settled(): string {
    return String(this.#settled);
  }

  isNew(id: string): boolean {
    return BigInt(id) > this.#settled && !this.#held.has(id);
  }

  add(id: string): void {
    this.#held.add(id);
  }

  /**
   * Everything up to `maxId` was looked for at `atMs`: what was given out a window before that is settled.
   *
   * @param atMs Of a clock of ours that only goes on, read before looking.
   */
  settle(atMs: number, maxId: string, windowMs: number): void {
    this.#samples.push({ atMs, maxId: BigInt(maxId) });
    while (this.#samples[0] && this.#samples[0].atMs <= atMs - windowMs) {
      const { maxId: settled } = this.#samples.shift()!;
      if (settled > this.#settled) this.#settled = settled;
    }
    for (const id of this.#held) if (BigInt(id) <= this.#settled) this.#held.delete(id);
  }
}
