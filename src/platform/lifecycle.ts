import { setTimeout as delay } from 'node:timers/promises';

/**
 * A signal that SIGINT and SIGTERM abort; the second of them ends the process at once.
 * With `withStdin` the end of standard input aborts too: a child then never outlives a parent that
 * holds the other end, even one that was killed.
 */
export function untilSignal(withStdin = false): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const ended = () => controller.abort(new Error('standard input ended'));
  if (withStdin) process.stdin.once('end', ended).once('error', ended).resume();
  const stop = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) process.exit(name === 'SIGINT' ? 130 : 143);
    controller.abort(new Error(`stopped by ${name}`));
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      process.off('SIGINT', stop).off('SIGTERM', stop);
      if (withStdin) process.stdin.destroy();
    },
  };
}

/** Waits; returns early, without an error, when the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  try {
    await delay(ms, undefined, { signal });
  } catch {
    // aborted: the caller looks at the signal
  }
}

/**
 * Runs stages side by side: the first fault stops the others, and is thrown when all have ended.
 * Each stage ends by itself when its work is done or the signal aborts.
 */
export async function runTogether(
  signal: AbortSignal,
  stages: readonly ((signal: AbortSignal) => Promise<unknown>)[],
): Promise<void> {
  const controller = new AbortController();
  const all = AbortSignal.any([signal, controller.signal]);
  const faults: unknown[] = [];
  await Promise.all(
    stages.map((stage) =>
      stage(all).catch((fault: unknown) => {
        faults.push(fault);
        controller.abort(fault);
      }),
    ),
  );
  if (faults.length > 0) throw faults[0];
}
