import type { Admin } from 'kafkajs';
import { withTimeLimit } from '../time-limit.ts';
import { BrokerError, errorType } from './kafka-errors.ts';
import type { Cluster } from './kafka-internals.ts';
import type { PartitionOffsets } from './log.ts';
import { readOffsets } from './read-offsets.ts';

/** A broker that just started knows all topics by then, ms. */
const shownMs = 3000;
/** So long it is not asked again whether a topic is there that was not, ms. */
const absentMs = 30_000;
/** One that is cut off cannot ask the controller for us. */
const controllerMs = 2000;
const unknown = 'UNKNOWN_TOPIC_OR_PARTITION';

/**
 * Tells topics that do not exist from those that a broker does not know: one that just started, or was cut
 * off from the others, says the same of both. So the controller is asked, and who may not ask it
 * asks the brokers for a while.
 */
export class KnownTopics {
  /** How many partitions a topic had when it was last seen. */
  readonly #partitions = new Map<string, number>();
  /** Of topics that are not there: until when that holds, ms since the process began. */
  readonly #absent = new Map<string, number>();

  /** The topics are there from now on. */
  made(topics: readonly string[]): void {
    for (const topic of topics) this.#absent.delete(topic);
  }

  /**
   * One look.
   *
   * @param askedMs When the first look of this question was, ms since the process began.
   * @returns [] when the topic does not exist.
   * @throws UNKNOWN_TOPIC_OR_PARTITION when another look is needed, best with another broker.
   */
  async offsets(
    { cluster, admin }: { readonly cluster: Cluster; readonly admin: Admin },
    topic: string,
    askedMs: number,
  ): Promise<readonly PartitionOffsets[]> {
    const isLate = () => performance.now() - askedMs > shownMs;
    let found: readonly PartitionOffsets[];
    try {
      found = await readOffsets(cluster, topic);
    } catch (error) {
      if (errorType(error) !== unknown) throw error;
      if (performance.now() < (this.#absent.get(topic) ?? 0)) return [];
      const exists = await isAtController(admin, topic);
      if (exists ?? !isLate()) throw error;
      this.#partitions.delete(topic);
      // Who may not ask the controller waits once.
      this.#absent.set(topic, exists === null ? Infinity : performance.now() + absentMs);
      return [];
    }
    // Partitions are never fewer, unless the topic was made anew.
    const isPart = found.length < (this.#partitions.get(topic) ?? 0);
    if (isPart && !isLate()) throw new BrokerError(unknown);
    this.#partitions.set(topic, found.length);
    this.#absent.delete(topic);
    return found;
  }
}

/**
 * Brokers answer what they have heard; whether a topic may be made only the controller decides, and with
 * `validateOnly` none is.
 *
 * @returns null when it could not be asked.
 */
async function isAtController(admin: Admin, topic: string): Promise<boolean | null> {
  const topics = [{ topic, numPartitions: 1, replicationFactor: 1 }];
  try {
    const options = { topics, validateOnly: true, waitForLeaders: false, timeout: controllerMs };
    return !(await withTimeLimit(controllerMs, admin.createTopics(options)));
  } catch {
    return null;
  }
}
