import { corrections, deadLetters, usageRecords, usageWindows } from '../../streams/index.ts';
import { crashPoint } from '../platform/crash-points.ts';
import { isAppError } from '../platform/errors.ts';
import { pause } from '../platform/lifecycle.ts';
import type { EventLog, LogWriter } from '../platform/log/log.ts';
import type { Logger } from '../platform/logger.ts';
import type { Metrics } from '../platform/metrics.ts';
import { backoffMs } from './backoff.ts';
import { holdLease } from './lease.ts';
import type { Lease } from './lease.ts';
import { sendCorrections } from './send-corrections.ts';
import { sendDeadLetters } from './send-dead-letters.ts';
import { sendWithdrawals } from './send-withdrawals.ts';
import { sendWindow } from './send-window.ts';
import type { SendContext } from './send-window.ts';

export interface RelayContext extends Omit<SendContext, 'writer'> {
  readonly log: EventLog;
  readonly lease: Lease;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly pollMs: number;
}

/**
 * Sends what the store has for the topics until the signal aborts: outbox entries in their order, each
 * deleted once it is sent, and refused records. At least once. A log that is down is tried again and
 * does not hold up the publication of windows.
 *
 * @throws SINK_FENCED, STORE_*, LOG_TOPIC_MISMATCH
 */
export async function runRelay(context: RelayContext): Promise<void> {
  const { signal, logger, metrics } = context;
  for (let attempt = 0; !signal.aborted;) {
    let writer: LogWriter | undefined;
    try {
      // A newer leader has the transactional id: opening it once more would end that one's work.
      await holdLease(context.session, context.t, context.lease);
      writer = await openWriter(context);
      while (!signal.aborted) {
        const sent = await relayOnce({ ...context, writer });
        metrics.faults.clear('topics');
        attempt = 0;
        if (sent === 0) await pause(context.pollMs, signal);
      }
    } catch (error) {
      if (signal.aborted) return;
      const fromLog = isAppError(error) && error.code.startsWith('LOG_');
      if (!fromLog || !metrics.faults.mayHeal('topics', error)) throw error;
      metrics.retries.inc({ room: 'sink', code: error.code });
      metrics.faults.note('topics', error.code);
      logger.warn({ err: error, code: error.code, attempt }, 'outbox writer was thrown away');
      await pause(backoffMs(attempt++), signal);
    } finally {
      if (writer) await throwAway(writer);
    }
  }
}

async function throwAway(writer: LogWriter): Promise<void> {
  try {
    await writer[Symbol.asyncDispose]();
  } catch {
    // spoiled or not, it is of no more use
  }
}

async function openWriter({ log, prefix, generation, signal }: RelayContext): Promise<LogWriter> {
  const topics = [usageRecords, usageWindows, corrections, deadLetters];
  await log.ensureTopics(prefix, topics, generation.feedPartitions);
  return log.writer({ transactionalId: `${prefix}-sink`, topicPrefix: prefix, signal });
}

/** Sends one outbox entry and one page of dead letters. @returns entries and letters sent */
async function relayOnce(context: RelayContext & SendContext): Promise<number> {
  const { session, t, generation, metrics } = context;
  const letters = await sendDeadLetters(context);
  metrics.sinkOutbox.inc({ topic: deadLetters.name }, letters);
  const entry = await session.row(
    `SELECT id, kind, window_start_ms, body FROM ${t.outbox}
     WHERE generation = ? ORDER BY id LIMIT 1`,
    [generation.id],
  );
  if (!entry) return letters;
  if (entry['kind'] === 'window') {
    const records = await sendWindow(context, Number(entry['window_start_ms']));
    if (records === null) return letters;
    metrics.sinkOutbox.inc({ topic: usageRecords.name }, records);
    metrics.sinkOutbox.inc({ topic: usageWindows.name });
  } else if (entry['kind'] === 'withdrawal') {
    const former = Number(entry['body']);
    const sent = await sendWithdrawals(context, former, Number(entry['window_start_ms']));
    if (sent === null) return letters;
    metrics.sinkOutbox.inc({ topic: usageRecords.name }, sent);
  } else {
    const sent = await sendCorrections(context, Number(entry['window_start_ms']));
    if (sent === null) return letters;
    metrics.sinkOutbox.inc({ topic: corrections.name }, sent);
  }
  crashPoint('sink.outbox-after-send-before-mark');
  // Not by its id alone: where commits were lost, ids are given out again.
  await session.run(
    `DELETE FROM ${t.outbox} WHERE id = ? AND generation = ? AND kind = ? AND window_start_ms = ?`,
    [entry['id'], generation.id, entry['kind'], entry['window_start_ms']],
  );
  crashPoint('sink.outbox-after-mark');
  return letters + 1;
}
