import type { StreamSettings } from './tail-options.ts';

/** Where a Debezium writes, and how far its word is to be trusted. */
export interface DebeziumTopics {
  /** Its `topic.prefix`. */
  readonly prefix: string;
  /** Form of a data topic's name: `{prefix}`, `{db}` and `{table}` stand for themselves. */
  readonly dataTopics: string;
  /** Topic of its heartbeats; null: `__debezium-heartbeat.<prefix>`. */
  readonly heartbeatTopic: string | null;
  /** Records processed less than this before the newest heartbeat wait for the next one, ms. */
  readonly settleMs: number;
  /** How far behind its source a Debezium that reports no changes is taken to be at most, ms. */
  readonly maxLagMs: number;
}

export type AdoptSettings = StreamSettings & {
  readonly topics: DebeziumTopics;
  /** So many changes are handed over at once. */
  readonly takeChanges: number;
  /** The connector has stopped: read what there is, to the ends of the topics, and end. */
  readonly drain: boolean;
};

/** Characters that a topic cannot have are `_`, and it is cut, as Debezium does it. */
export const dataTopic = (topics: DebeziumTopics, db: string, table: string): string =>
  topics.dataTopics
    .replaceAll('{prefix}', topics.prefix)
    .replaceAll('{db}', db)
    .replaceAll('{table}', table)
    .replaceAll(/[^A-Za-z0-9._-]/g, '_')
    .slice(0, 249);

export const heartbeatTopic = (topics: DebeziumTopics): string =>
  topics.heartbeatTopic ?? `__debezium-heartbeat.${topics.prefix}`;
