import { openKafkaLog } from '../../src/platform/log/kafka.ts';
import type { EventLog, LogRecord } from '../../src/platform/log/log.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { catalogue } from '../../streams/index.ts';
import { servers } from './servers.ts';

/** A sink's topics on the real broker; deleted when disposed. */
export class SinkTopics implements AsyncDisposable {
  readonly log: EventLog;
  readonly prefix: string;

  private constructor(log: EventLog, prefix: string) {
    this.log = log;
    this.prefix = prefix;
  }

  /** @param suffix Of the store, whose sinks write to these topics. */
  static async open(suffix: string): Promise<SinkTopics> {
    const log = await openKafkaLog({
      brokers: servers().kafkaBrokers,
      clientId: `sink-test-${suffix}`,
      logger: createLogger({ level: 'silent' }),
    });
    return new SinkTopics(log, `t${suffix}`);
  }

  /**
   * All committed records. A commit returns before its records can be seen everywhere; a writer that takes
   * over the transactional id is let in only when all that came before is settled.
   */
  async everything(stream: {
    topic: (prefix: string) => string;
  }): Promise<(LogRecord & { partition: number })[]> {
    const { log, prefix } = this;
    await using _settled = await log.writer({ transactionalId: `${prefix}-sink` });
    const topic = stream.topic(prefix);
    const found: (LogRecord & { partition: number })[] = [];
    const controller = new AbortController();
    for (const { partition, earliest, next } of await log.offsets(topic)) {
      if (next === earliest) continue;
      const options = { topic, partition, from: earliest, until: next, signal: controller.signal };
      for await (const batch of log.read(options))
        found.push(...batch.records.map((record) => ({ ...record, partition })));
    }
    controller.abort();
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.log.deleteTopics(catalogue.map((stream) => stream.topic(this.prefix)));
    await this.log[Symbol.asyncDispose]();
  }
}

export const parsed = <T>(
  schema: { parse: (value: unknown) => T },
  record: LogRecord | undefined,
): T => schema.parse(JSON.parse(String(record?.value)));
