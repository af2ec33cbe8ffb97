/** How long to wait before try number `attempt` (from 0) is repeated: doubling from 200 ms to 5 s. */
export const backoffMs = (attempt: number): number =>
  Math.min(5000, 200 * 2 ** Math.min(attempt, 5));
