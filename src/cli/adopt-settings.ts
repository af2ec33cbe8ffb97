import { setting } from './setting.ts';
import { durationMs, text } from './setting-schemas.ts';

/** Settings of adoption: where a Debezium writes, and how far its word is to be trusted. */
export const adoptSettings = {
  debeziumPrefix: setting({
    name: 'debezium-prefix',
    value: 'NAME',
    what: "the Debezium's topic.prefix",
    schema: text,
  }),
  debeziumTopics: setting({
    name: 'debezium-topics',
    value: 'FORM',
    what: "form of its data topics' names, as transformations of the connector have made them",
    schema: text
      .refine((form) => form.includes('{table}'), 'needs {table}')
      .default('{prefix}.{db}.{table}'),
    shown: '{prefix}.{db}.{table}',
  }),
  heartbeatTopic: setting({
    name: 'heartbeat-topic',
    value: 'TOPIC',
    what: 'topic of its heartbeats',
    schema: text.optional(),
    shown: '__debezium-heartbeat.<debezium-prefix>',
  }),
  settle: setting({
    name: 'settle',
    value: 'DURATION',
    what: 'records that were written less than this before the newest heartbeat wait for the next one',
    schema: durationMs.default(10_000),
    shown: '10s',
  }),
  debeziumLag: setting({
    name: 'debezium-lag',
    value: 'DURATION',
    what: 'how far a Debezium that has nothing to report may be behind its source at most',
    schema: durationMs.default(60_000),
    shown: '60s',
  }),
} as const;
