import { FeedRecord } from '../contracts/feed-record.ts';
import type { EpochMs } from '../contracts/time.ts';
import { contentHash } from '../platform/content-hash.ts';
import { AppError } from '../platform/errors.ts';
import type { EventLog, PartitionOffsets } from '../platform/log/log.ts';
import { usageFeed } from '../../streams/usage-feed.ts';

/** What the end of the feed holds: content of events by id, details by {@link detailKey}. */
export interface HeldEvents {
  readonly events: Map<string, string>;
  readonly details: Set<string>;
  /** The whole feed was read. */
  readonly isWhole: boolean;
}

export interface HeldOptions {
  readonly log: EventLog;
  readonly prefix: string;
  /** Read back to where the watermark was below this; -Infinity: from the start. */
  readonly fromMs: EpochMs;
  /** The incarnation that an event id has now: other records of the id are of a history that has ended. */
  readonly incarnationOf: (eventId: string) => number;
  /** How many events and details may be held in memory. */
  readonly limit: number;
  readonly signal: AbortSignal;
}

export const detailKey = (id: string, eventId: string, name: string, value: string): string =>
  `${id} ${eventId} ${name} ${value}`;

/**
 * Reads the end of the feed and remembers which events and details are there.
 *
 * @throws TAIL_SOURCE_REPLACED when they are more than fit: what cannot be compared cannot be healed;
 *   LOG_TOPIC_MISSING without a feed.
 */
export async function readHeldEvents(options: HeldOptions): Promise<HeldEvents> {
  const topic = usageFeed.topic(options.prefix);
  const held = { events: new Map<string, string>(), details: new Set<string>(), isWhole: true };
  const partitions = await options.log.offsets(topic);
  // Nothing held would mean that no id was ever used.
  if (partitions.length === 0)
    throw new AppError('LOG_TOPIC_MISSING', { topic, reason: 'deleted' });
  for (const offsets of partitions) {
    if (offsets.next === offsets.earliest) continue;
    const from = await findStart(options, topic, offsets);
    if (from > offsets.earliest) held.isWhole = false;
    const { partition, next } = offsets;
    const range = { topic, partition, from, until: next, signal: options.signal };
    for await (const { records } of options.log.read(range)) {
      for (const { value } of records) if (value) take(held, value.toString(), options);
      if (held.events.size + held.details.size > options.limit)
        throw new AppError('TAIL_SOURCE_REPLACED', {
          reason: 'too many events would have to be compared to find where this history begins',
          limit: options.limit,
          from: new Date(options.fromMs).toISOString(),
        });
    }
  }
  return held;
}

function take(held: HeldEvents, text: string, { incarnationOf }: HeldOptions): void {
  // Nearly all the rest is watermarks and counters, which need no parsing.
  if (!text.includes('"kind":"usage-event"') && !text.includes('"kind":"event-detail"')) return;
  const parsed = FeedRecord.safeParse(JSON.parse(text));
  if (!parsed.success) return;
  const record = parsed.data;
  if (record.kind === 'usage-event') {
    const { event, origin } = record;
    // The first one counts, as everywhere.
    if (origin.incarnation === incarnationOf(event.id) && !held.events.has(event.id))
      held.events.set(event.id, contentHash(event));
  } else if (record.kind === 'event-detail') {
    const { id, eventId, name, value } = record.detail;
    if (record.origin.incarnation === incarnationOf(eventId))
      held.details.add(detailKey(id, eventId, name, value));
  }
}

/** Goes back in growing steps to a record whose watermark is old enough. */
async function findStart(
  { log, fromMs, signal }: HeldOptions,
  topic: string,
  { partition, earliest, next }: PartitionOffsets,
): Promise<number> {
  if (fromMs === -Infinity) return earliest;
  for (let step = 1024; next - step > earliest; step *= 4) {
    const from = next - step;
    for await (const { records } of log.read({ topic, partition, from, until: next, signal })) {
      const first = records.find(({ value }) => value !== null);
      if (!first) continue;
      const { watermarkMs } = JSON.parse(String(first.value)) as { watermarkMs?: unknown };
      if (typeof watermarkMs !== 'number' || watermarkMs < fromMs) return from;
      break;
    }
  }
  return earliest;
}
