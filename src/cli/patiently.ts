import { isAppError } from '../platform/errors.ts';
import { pause } from '../platform/lifecycle.ts';
import type { Logger } from '../platform/logger.ts';
import type { Metrics } from '../platform/metrics.ts';

const firstPauseMs = 250;
const longestPauseMs = 15_000;

/**
 * Does what a stage needs before it can begin, again and again while servers cannot be reached: a process
 * that is started while a broker or a database restarts waits for it, as it would later on.
 *
 * @returns null when the signal aborts first
 * @throws what no try can mend: wrong settings, missing rights, bugs
 */
export async function patiently<T>(
  room: string,
  io: { readonly logger: Logger; readonly metrics: Metrics },
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T | null> {
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted) return null;
      if (!isAppError(error) || error.retry === 'never') throw error;
      const { code, facts } = error;
      io.metrics.retries.inc({ room, code });
      io.logger.warn({ code, facts, pauseMs }, 'start waited for a server');
      await pause(pauseMs * (0.5 + Math.random() / 2), signal);
      if (signal.aborted) return null;
    }
  }
}
