import type { Session } from './session.ts';

/** After an abort, what is under way gets so long to end. Milliseconds. */
const graceMs = 2000;

/**
 * Drops connections some time after the signal aborts: a stop must not wait for a large window or a
 * server that no longer answers; what is under way is rolled back. Dispose it when they are closed.
 */
export function dropAfterGrace(signal: AbortSignal, sessions: readonly Session[]): Disposable {
  let timer: NodeJS.Timeout | undefined;
  const drop = () => {
    for (const session of sessions) session.drop();
  };
  const start = () => void (timer = setTimeout(drop, graceMs));
  if (signal.aborted) start();
  else signal.addEventListener('abort', start, { once: true });
  return {
    [Symbol.dispose]() {
      signal.removeEventListener('abort', start);
      clearTimeout(timer);
    },
  };
}

/**
 * The work, or its abandonment: what still hangs some time after the signal aborts, on a log that does
 * not answer, is no longer waited for. It must be harmless when it ends later.
 */
export async function abandonAfterGrace(signal: AbortSignal, work: Promise<void>): Promise<void> {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const start = () => setTimeout(resolve, graceMs).unref();
  signal.addEventListener('abort', start, { once: true });
  if (signal.aborted) start();
  try {
    await Promise.race([work, over]);
  } finally {
    signal.removeEventListener('abort', start);
  }
}
