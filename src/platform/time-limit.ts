/**
 * The result of `work`, or a rejection when it takes longer than `limitMs`. The work itself is not
 * stopped; it goes on unseen. Leaves no timer.
 *
 * @param fault Makes the rejection.
 */
export async function withTimeLimit<T>(
  limitMs: number,
  work: Promise<T>,
  fault = (): Error => new Error(`no answer in ${limitMs} ms`),
): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(fault()), limitMs);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
    // When the limit has won, nobody waits for it any more.
    work.catch(() => undefined);
  }
}
