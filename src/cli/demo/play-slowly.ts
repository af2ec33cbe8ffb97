import type { EpochMs } from '../../contracts/time.ts';
import type { MysqlTarget } from '../../platform/mysql.ts';
import { pause } from '../../platform/lifecycle.ts';
import { play } from '../../simulate/play.ts';
import type { Statement } from '../../simulate/statement.ts';

/**
 * Plays a history with its simulated commit times, spread over so many seconds of real time.
 * Returns the events played.
 */
export async function playSlowly(
  statements: Iterable<Statement>,
  options: {
    readonly target: MysqlTarget;
    readonly cloudSchema: string;
    readonly startMs: EpochMs;
    readonly endMs: EpochMs;
    readonly seconds: number;
    readonly signal: AbortSignal;
  },
): Promise<number> {
  const slices = Math.max(1, Math.round(options.seconds * 4));
  const sliceMs = (options.endMs - options.startMs) / slices;
  let events = 0;
  let slice: Statement[] = [];
  let edgeMs = options.startMs + sliceMs;
  const flush = async () => {
    const { target, cloudSchema, signal } = options;
    events += (await play(slice, { target, cloudSchema, pace: 'history', signal })).events;
    slice = [];
  };
  for (const statement of statements) {
    while (statement.commitMs >= edgeMs && edgeMs < options.endMs) {
      await flush();
      if (options.signal.aborted) return events;
      await pause((options.seconds * 1000) / slices, options.signal);
      edgeMs += sliceMs;
    }
    slice.push(statement);
  }
  await flush();
  return events;
}
