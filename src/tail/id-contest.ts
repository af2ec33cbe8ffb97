/** Two readers that go on with one id end each other in less than this: pauses grow to a quarter of it, ms. */
const peaceMs = 60_000;

/**
 * Counts how often the server has ended our reading for that of another with our id. A stand-by that takes
 * over has the leader's id, so once or twice is no fault; nor is it once in a while, for as long as we live.
 */
export class IdContest {
  #lost = 0;
  #lastMs = -Infinity;

  /**
   * It was ended again.
   *
   * @param nowMs By a clock that only goes on.
   * @returns whether there is somebody who goes on: we would end each other for ever.
   */
  isLasting(nowMs: number): boolean {
    this.#lost = nowMs - this.#lastMs > peaceMs ? 1 : this.#lost + 1;
    this.#lastMs = nowMs;
    return this.#lost > 2;
  }
}
