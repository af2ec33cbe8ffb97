import { randomUUID } from 'node:crypto';
import { AppError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { GroupFeed } from '../group-feed.ts';
import type { GroupMember } from '../log.ts';
import { withTimeLimit } from '../../time-limit.ts';
import type { LogFile } from './file.ts';
import { findTopic } from './topics.ts';
import type { Topic } from './topics.ts';

const defaultSessionMs = 10_000;
const beatMs = 100;
const leaveMs = 4000;

interface MemberOptions {
  readonly group: string;
  readonly topic: string;
  readonly sessionTimeoutMs?: number | undefined;
  readonly onMembership?: ((fault: AppError | null) => void) | undefined;
  readonly logger: Logger;
}

/**
 * A member of a consumer group whose book is kept in the file. Each member says every 100 ms that it
 * lives, works out the same round-robin from the list of the living, lets go of what it is to lose, and takes
 * what nobody holds any more: so a partition never has two owners, but for one that was silent for its
 * session, whom the store's fence stops.
 */
export function joinEmbeddedGroup(
  file: LogFile,
  feed: GroupFeed,
  options: MemberOptions,
): GroupMember {
  const topic = findTopic(file, options.topic);
  if (!topic)
    throw new AppError('LOG_TOPIC_MISMATCH', {
      topic: options.topic,
      reason: 'the topic is missing',
    });
  const ended = Promise.withResolvers<void>();
  ended.promise.catch(() => undefined);
  const seat = new Seat(file, topic, feed, options);
  const timer = setInterval(() => beat(), beatMs);
  let left: Promise<void> | undefined;
  const leave = () =>
    (left ??= (async () => {
      clearInterval(timer);
      await withTimeLimit(leaveMs, feed.stop()).catch(() => undefined);
      if (!file.closed) seat.leave();
    })());
  const fail = async (error: unknown) => {
    options.logger.debug({ group: options.group, reason: String(error) }, 'group member failed');
    await leave();
    ended.reject(error);
  };
  const beat = () => {
    try {
      seat.beat();
    } catch (error) {
      void fail(new AppError('LOG_UNREACHABLE', { file: file.path }, error));
    }
  };
  feed.failed.catch(fail);
  beat();
  options.onMembership?.(null);
  return {
    done: ended.promise,
    async [Symbol.asyncDispose]() {
      await leave();
      ended.resolve();
    },
  };
}

class Seat {
  readonly #file: LogFile;
  readonly #topic: Topic;
  readonly #feed: GroupFeed;
  readonly #group: string;
  readonly #sessionMs: number;
  readonly #logger: Logger;
  #id = randomUUID();
  #held: readonly number[] = [];
  /** The members when it was taken. */
  #sharedAmong = '';
  /** Since when partitions are being let go of, by our clock; null: none are. */
  #leavingMs: number | null = null;

  constructor(file: LogFile, topic: Topic, feed: GroupFeed, options: MemberOptions) {
    this.#file = file;
    this.#topic = topic;
    this.#feed = feed;
    this.#group = options.group;
    this.#sessionMs = options.sessionTimeoutMs ?? defaultSessionMs;
    this.#logger = options.logger;
  }

  /** Says that this member lives, and moves one step towards what it is to hold. */
  beat(): void {
    const { wanted, free, alive, members } = this.#file.write(() => this.#turn(), false);
    if (!alive) {
      // Silent for too long: others may have what was held here.
      this.#id = randomUUID();
      this.#held = [];
      this.#feed.revoke();
      return;
    }
    // As Kafka's eager groups: whenever someone comes or goes, all let go and share anew.
    if (members !== this.#sharedAmong && this.#held.length > 0) return this.#letGo();
    if (this.#held.length > 0 || wanted.length === 0) return;
    if (!wanted.every((partition) => free.has(partition))) return;
    this.#sharedAmong = members;
    this.#take(wanted);
  }

  leave(): void {
    this.#file.write(() => {
      this.#release(this.#held);
      this.#file.run('DELETE FROM member WHERE id = ?', this.#id);
    }, false);
  }

  #turn() {
    const nowMs = Date.now();
    const { id: topic } = this.#topic;
    const of = [this.#group, topic] as const;
    this.#file.run(
      `DELETE FROM holding WHERE grp = ? AND topic = ? AND member NOT IN
         (SELECT id FROM member WHERE grp = ? AND topic = ? AND expires_ms >= ?)`,
      ...[...of, ...of, nowMs],
    );
    this.#file.run(
      'DELETE FROM member WHERE grp = ? AND topic = ? AND expires_ms < ?',
      ...[...of, nowMs],
    );
    const mine = this.#file.run(
      'UPDATE member SET expires_ms = ? WHERE id = ?',
      ...[nowMs + this.#sessionMs, this.#id],
    );
    const alive = mine.changes === 1 || this.#held.length === 0;
    if (mine.changes === 0 && alive) this.#join(nowMs);
    const members = this.#file
      .all('SELECT id FROM member WHERE grp = ? AND topic = ? ORDER BY joined', ...of)
      .map((row) => String(row['id']));
    const index = members.indexOf(this.#id);
    const all = Array.from({ length: this.#topic.partitions }, (_, partition) => partition);
    const held = new Set(
      this.#file
        .all('SELECT partition FROM holding WHERE grp = ? AND topic = ?', ...of)
        .map((row) => Number(row['partition'])),
    );
    return {
      alive,
      members: members.join(' '),
      wanted: all.filter((partition) => partition % members.length === index),
      free: new Set(all.filter((partition) => !held.has(partition))),
    };
  }

  #join(nowMs: number): void {
    const { changes } = this.#file.run('UPDATE join_order SET last = last + 1');
    if (changes === 0) this.#file.run('INSERT INTO join_order (last) VALUES (1)');
    this.#file.run(
      `INSERT INTO member (id, grp, topic, joined, expires_ms)
       SELECT ?, ?, ?, last, ? FROM join_order`,
      ...[this.#id, this.#group, this.#topic.id, nowMs + this.#sessionMs],
    );
  }

  #letGo(): void {
    if (this.#leavingMs !== null) {
      // A handler that does not end must not hold up the others for ever.
      if (performance.now() - this.#leavingMs > this.#sessionMs) this.#released();
      return;
    }
    this.#leavingMs = performance.now();
    const id = this.#id;
    this.#feed.revoke();
    void this.#feed.settled().then(() => {
      if (this.#leavingMs !== null && id === this.#id && !this.#file.closed) this.#released();
    });
  }

  #released(): void {
    this.#leavingMs = null;
    const before = this.#held;
    this.#held = [];
    this.#file.write(() => this.#release(before), false);
  }

  #release(partitions: readonly number[]): void {
    for (const partition of partitions)
      this.#file.run(
        'DELETE FROM holding WHERE grp = ? AND topic = ? AND partition = ? AND member = ?',
        ...[this.#group, this.#topic.id, partition, this.#id],
      );
  }

  #take(wanted: readonly number[]): void {
    this.#file.write(() => {
      for (const partition of wanted)
        this.#file.run(
          `INSERT INTO holding (grp, topic, partition, member) VALUES (?, ?, ?, ?)
           ON CONFLICT DO NOTHING`,
          ...[this.#group, this.#topic.id, partition, this.#id],
        );
    }, false);
    this.#held = wanted;
    this.#logger.info({ group: this.#group, partitions: wanted }, 'group joined');
    this.#feed.assign(wanted);
  }
}
