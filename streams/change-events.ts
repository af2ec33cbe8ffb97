import { defineStream } from '../src/contracts/stream.ts';

/** Raw change data of one captured table, byte for byte as Debezium writes it; key = primary key. */
export const changeEvents = (db: string, table: string) =>
  defineStream({
    name: `${db}.${table}`,
    topic: (prefix) => `${prefix}.${db}.${table}`.replaceAll(/[^A-Za-z0-9._-]/g, '_').slice(0, 249),
    cleanup: 'delete',
    retentionMs: 'forever',
    partitions: 'feed',
    writer: 'tail',
    readers: ['operator'],
    key: 'primary key, as Kafka Connect JSON',
    what: `row changes of ${db}.${table} in Debezium's envelope`,
  });
