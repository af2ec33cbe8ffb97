import { AppError } from '../platform/errors.ts';
import type { EventLog } from '../platform/log/log.ts';
import { offsetKey, parseOffsetRecord } from './connect-offset.ts';
import type { ConnectOffset } from './connect-offset.ts';

/**
 * Reads the newest offset of a connector from the topic of Connect's distributed mode.
 *
 * @throws OFFSETS_REFUSED when it is not there, or for several servers.
 */
export async function readOffsetTopic(
  log: EventLog,
  topic: string,
  connector: string,
  signal: AbortSignal,
): Promise<ConnectOffset> {
  const newest = new Map<string, string | null>();
  for (const { partition, earliest, next } of await log.offsets(topic)) {
    if (earliest === next) continue;
    for await (const { records } of log.read({
      topic,
      partition,
      from: earliest,
      until: next,
      signal,
    }))
      for (const { key, value } of records)
        if (key?.toString().startsWith(`[${JSON.stringify(connector)},`) === true)
          newest.set(key.toString(), value?.toString() ?? null);
  }
  const found = [...newest].flatMap(([key, value]) =>
    value === null ? [] : [[key, value] as const],
  );
  const [first, second] = found;
  if (first && !second) return parseOffsetRecord(...first);
  throw new AppError('OFFSETS_REFUSED', {
    reason: first ? 'the connector has offsets of several servers' : 'the connector has no offset',
    topic,
    connector,
    keys: found.map(([key]) => key),
  });
}

/** Writes an offset where Connect reads it when the connector starts. @throws OFFSETS_REFUSED without the topic. */
export async function writeOffsetTopic(
  log: EventLog,
  topic: string,
  prefix: string,
  given: ConnectOffset,
): Promise<void> {
  if ((await log.offsets(topic)).length === 0)
    throw new AppError('OFFSETS_REFUSED', { reason: 'there is no such topic', topic });
  await using writer = await log.writer({ transactionalId: `${prefix}-offsets` });
  const transaction = await writer.begin();
  const [key, value] = [offsetKey(given), JSON.stringify(given.offset)];
  await transaction.append([{ topic, partition: null, key, value }]);
  await transaction.commit();
}
