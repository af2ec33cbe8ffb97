import type { Consumer } from 'kafkajs';
import { AppError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { GroupFeed } from './group-feed.ts';
import type { KafkaClient } from './kafka-client.ts';
import { errorType, unreachable } from './kafka-errors.ts';
import type { GroupMember } from './log.ts';
import { withTimeLimit } from '../time-limit.ts';

const DEFAULT_SESSION_MS = 10_000;
/** A rebalance is noticed at a heartbeat: members that come and go all the time must leave time to work. */
const LONGEST_HEARTBEAT_MS = 300;
const SHORTEST_SESSION_MS = 6000;
/** From the end of a session until the others have joined anew. */
const NOTICED_WITHIN_MS = 2000;
/** The pace of kafkajs' loop, which does nothing but heartbeats here. */
const LOOP_MS = 100;
const COMMIT_EVERY_MS = 5000;
const LEAVE_MS = 4000;
const SILENCE_MS = 30_000;

interface MemberOptions {
  readonly group: string;
  readonly topic: string;
  readonly sessionTimeoutMs?: number | undefined;
  readonly onMembership?: ((fault: AppError | null) => void) | undefined;
  readonly brokers: readonly string[];
  readonly logger: Logger;
}

/**
 * A member of a consumer group. kafkajs keeps the membership only, with every partition paused: its
 * heartbeats go on while a handler works, and nothing that it fetched before a rebalance or
 * a seek can slip in. The records are fetched by `feed`.
 */
export async function joinKafkaGroup(
  client: KafkaClient,
  feed: GroupFeed,
  options: MemberOptions,
): Promise<GroupMember> {
  const { group, topic, brokers, logger } = options;
  const sessionTimeout = sessionWithin(options.sessionTimeoutMs ?? DEFAULT_SESSION_MS);
  const consumer = client.kafka.consumer({
    groupId: group,
    sessionTimeout,
    rebalanceTimeout: sessionTimeout,
    heartbeatInterval: Math.min(LONGEST_HEARTBEAT_MS, Math.floor(sessionTimeout / 3)),
    maxWaitTimeInMs: LOOP_MS,
    allowAutoTopicCreation: false,
    retry: { retries: 8, maxRetryTime: 1000, restartOnFailure: async () => watch.hasHope() },
  });
  const ended = Promise.withResolvers<void>();
  ended.promise.catch(() => undefined);
  const watch = superviseConsumer(consumer, feed, options, sessionTimeout);
  let left: Promise<void> | undefined;
  const leave = () =>
    (left ??= (async () => {
      watch.stop();
      // Before the revocation ends: others wait for the partitions, the store fences what is left.
      const bye = withTimeLimit(LEAVE_MS, consumer.disconnect()).catch(() => undefined);
      const idle = withTimeLimit(LEAVE_MS, feed.stop()).catch(() => undefined);
      await Promise.all([bye, idle]);
      client.close();
    })());
  try {
    await consumer.connect();
    await consumer.subscribe({ topic });
  } catch (error) {
    await leave();
    if (errorType(error) === 'UNKNOWN_TOPIC_OR_PARTITION') {
      throw new AppError('LOG_TOPIC_MISMATCH', { topic, reason: 'the topic is missing' }, error);
    }
    throw unreachable(brokers, error);
  }
  // Not awaited: it returns when the group has been joined, for which others may have to be waited for.
  const joined = consumer.run({ autoCommit: false, eachBatch: async () => {} });
  const refused = new Promise<never>((_, reject) => {
    joined.catch((error: unknown) => reject(unreachable(brokers, error)));
  });
  Promise.race([feed.failed, watch.failed, refused]).catch(async (error: unknown) => {
    logger.debug({ group, topic, reason: String(error) }, 'group member failed and leaves');
    await leave();
    ended.reject(error);
  });
  return {
    done: ended.promise,
    async [Symbol.asyncDispose]() {
      await leave();
      ended.resolve();
    },
  };
}

/**
 * The session to ask the broker for, ms: the others notice at their next heartbeat that it has ended, and join
 * anew; all of that is to be over within the time asked for. Brokers allow no session below 6 s by default.
 */
const sessionWithin = (askedMs: number): number =>
  askedMs <= SHORTEST_SESSION_MS
    ? askedMs
    : Math.max(SHORTEST_SESSION_MS, askedMs - NOTICED_WITHIN_MS);

/** Tells the feed of assignments, commits offsets for lag tools, and notices when the membership died. */
function superviseConsumer(
  consumer: Consumer,
  feed: GroupFeed,
  { group, topic, brokers, logger, onMembership = () => {} }: MemberOptions,
  sessionTimeoutMs: number,
): { failed: Promise<never>; hasHope(): boolean; stop(): void } {
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => undefined);
  const silenceMs = Math.max(SILENCE_MS, 3 * sessionTimeoutMs);
  let lastSignMs = performance.now();
  let stopped = false;
  let isOut = false;
  const sign = () => void (lastSignMs = performance.now());
  const { GROUP_JOIN, REBALANCING, FETCH, HEARTBEAT, CRASH } = consumer.events;
  consumer.on(FETCH, sign);
  consumer.on(HEARTBEAT, sign);
  consumer.on(GROUP_JOIN, ({ payload }) => {
    sign();
    if (stopped) return;
    // kafkajs is to fetch nothing; it calls this before it fetches first.
    consumer.pause([{ topic }]);
    const partitions = payload.memberAssignment[topic] ?? [];
    logger.info({ group, topic, partitions }, 'group joined');
    isOut = false;
    onMembership(null);
    feed.assign([...partitions].toSorted((a, b) => a - b));
  });
  consumer.on(REBALANCING, () => {
    if (!stopped) feed.revoke();
  });
  consumer.on(CRASH, ({ payload }) => {
    if (stopped) return;
    // It has left the group; after a restart it joins as another member.
    feed.revoke();
    const fault = unreachable(brokers, payload.error);
    if (!payload.restart) return failure.reject(fault);
    const { code, facts } = fault;
    if (!isOut) logger.warn({ group, topic, code, facts }, 'group left by a fault: joins again');
    isOut = true;
    onMembership(fault);
  });
  let aheadMs = Date.now() - performance.now();
  const watchdog = setInterval(() => {
    // kafkajs beats by the host's clock: set back, it would be silent for as long, and put out without knowing.
    const backMs = Math.round(aheadMs - (aheadMs = Date.now() - performance.now()));
    if (backMs > sessionTimeoutMs / 3)
      failure.reject(
        new AppError('LOG_UNREACHABLE', { brokers, group, reason: 'clock set back', backMs }),
      );
    const silentMs = Math.round(performance.now() - lastSignMs);
    if (silentMs < silenceMs) return;
    failure.reject(new AppError('LOG_UNREACHABLE', { brokers, group, reason: 'silent', silentMs }));
  }, 1000);
  const committed = new Map<number, number>();
  const committing = setInterval(() => {
    commitHandled(consumer, topic, feed.handled, committed).catch((error: unknown) =>
      logger.debug({ group, topic, reason: String(error) }, 'offsets not committed'),
    );
  }, COMMIT_EVERY_MS);
  return {
    failed: failure.promise,
    hasHope: () => !stopped && performance.now() - lastSignMs < silenceMs,
    stop() {
      stopped = true;
      clearInterval(watchdog);
      clearInterval(committing);
    },
  };
}

/** For tools that show lag: nothing here reads these offsets. */
async function commitHandled(
  consumer: Consumer,
  topic: string,
  handled: ReadonlyMap<number, number>,
  committed: Map<number, number>,
): Promise<void> {
  const fresh = [...handled].filter(([partition, next]) => committed.get(partition) !== next);
  if (fresh.length === 0) return;
  await consumer.commitOffsets(
    fresh.map(([partition, next]) => ({ topic, partition, offset: String(next) })),
  );
  for (const [partition, next] of fresh) committed.set(partition, next);
}
