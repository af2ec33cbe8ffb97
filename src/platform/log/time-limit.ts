/** The result of `work`, or a rejection when it takes longer. The work itself is not stopped. Leaves no timer. */
export async function withTimeLimit<T>(limitMs: number, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`no answer in ${limitMs} ms`)), limitMs);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
    // When the limit has won, nobody waits for it any more.
    work.catch(() => undefined);
  }
}
