import { defaultAnswerMs } from '../platform/answer-limit.ts';
import { AppError, isAppError } from '../platform/errors.ts';
import { pause } from '../platform/lifecycle.ts';
import { backoffMs } from './backoff.ts';
import { sinkHostPrefix } from './sink-options.ts';
import type { SinkIo, SinkOptions } from './sink-options.ts';
import { storeTables } from './store-tables.ts';
import { leaseOwner, serveTerm } from './term.ts';
import type { SinkSelf } from './term.ts';

export type { SinkIo, SinkOptions, SinkProgress } from './sink-options.ts';

/**
 * The sink stage: of all sinks that run, one leads and publishes the closed windows of a generation
 * into CloudStack's tables, whole and in order, each in one fenced transaction; then their records and
 * the refused ones go to the topics, at least once. The others stand by.
 *
 * Ends when the signal aborts (within 5 s, the lease given back), or when `untilMs` is reached: every window
 * that ends by it is published, by this sink or another, and the outbox is empty. A store or log that
 * cannot be reached is tried again without end.
 *
 * @throws AppError whose `retry` is `never`: CLOUD_USAGE_MISSING, SINK_NOT_ALONE, SINK_WINDOW_BILLED,
 *   STORE_SCHEMA_MISSING, STORE_ACCESS_DENIED, GENERATION_MISMATCH, CONFIG_INVALID, …
 */
export async function runSink(options: SinkOptions, asked: SinkIo): Promise<void> {
  if (!options.host.startsWith(sinkHostPrefix) || options.host.length > 255)
    throw new AppError('CONFIG_INVALID', {
      setting: 'host',
      expected: `${sinkHostPrefix}<name>, 255 characters at most`,
    });
  const io = { ...asked, store: { answerMs: defaultAnswerMs, ...asked.store } };
  let attempt = 0;
  const self: SinkSelf = {
    owner: leaseOwner(options.host, options.pid),
    options: { ...options, pollMs: options.pollMs ?? 1000, leaseMs: options.leaseMs ?? 6000 },
    t: storeTables(options.schema, options.cloudUsageSchema),
    rows: 0,
    onLead: () => (attempt = 0),
  };
  while (!io.signal.aborted) {
    try {
      await serveTerm(self, io);
      return;
    } catch (error) {
      if (io.signal.aborted) return;
      if (!isAppError(error) || !io.metrics.faults.mayHeal('sink', error)) throw error;
      io.metrics.retries.inc({ room: 'sink', code: error.code });
      io.metrics.faults.note('sink', error.code);
      io.logger.warn({ err: error, code: error.code, attempt }, 'sink starts anew');
      await pause(backoffMs(attempt++), io.signal);
    }
  }
}
