import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kafka, logLevel, type KafkaMessage } from 'kafkajs';
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { describe, expect, test } from 'vitest';
import { canStartServers, startKafka, startMariaDb, type LocalServer } from '../support/servers.ts';

const LIMIT_MS = 60_000;

describe.skipIf(!canStartServers())('servers of our own', () => {
  test(
    'a killed MariaDB has every commit after its restart, and the binlog the tail needs',
    async () => {
      await using server = await startMariaDb({ settings: { innodb_buffer_pool_size: '32M' } });
      await withConnection(server, async (db) => {
        await db.query('CREATE DATABASE kept');
        await db.query('CREATE TABLE kept.t (id INT PRIMARY KEY) ENGINE=InnoDB');
        await db.query('INSERT INTO kept.t VALUES (1), (2)');
      });

      const before = await killAndRestart(server);

      expect(server.pid).not.toBe(before);
      await withConnection(server, async (db) => {
        expect(await rows(db, 'SELECT id FROM kept.t')).toEqual([{ id: 1 }, { id: 2 }]);
        const settings = 'SELECT @@binlog_format f, @@binlog_row_image i, @@binlog_row_metadata m';
        const wanted = { f: 'ROW', i: 'FULL', m: 'FULL', z: '+00:00', b: '127.0.0.1' };
        const query = `${settings}, @@global.time_zone z, @@bind_address b`;
        expect(await rows(db, query)).toEqual([wanted]);
      });
      await disposesOf(server);
    },
    LIMIT_MS,
  );

  test(
    'a killed Kafka has every acknowledged message after its restart',
    async () => {
      await using server = await startKafka();
      await produce(server, ['a', 'b']);

      await killAndRestart(server);
      await produce(server, ['c']);

      expect(await consume(server, 3)).toEqual(['a', 'b', 'c']);
      await disposesOf(server);
    },
    LIMIT_MS,
  );

  test(
    'a data folder that was named is kept, and holds the data of a clean stop',
    async () => {
      const dir = mkdtempSync(join(tmpdir(), 'dev-stack-'));
      try {
        const server = await startMariaDb({ dir, settings: { innodb_log_file_size: '16M' } });
        await withConnection(server, (db) => db.query('CREATE DATABASE kept'));
        await server.stop();
        await server.restart();
        await withConnection(server, (db) => db.query('DROP DATABASE kept'));
        await server[Symbol.asyncDispose]();

        expect(isAlive(server.pid)).toBe(false);
        expect(existsSync(join(dir, 'data'))).toBe(true);
        await expect(startMariaDb({ dir })).rejects.toThrow('already holds data');
      } finally {
        rmSync(dir, { recursive: true });
      }
    },
    LIMIT_MS,
  );

  test('a server that cannot start says why, and leaves no process', async () => {
    const settings = { no_such_setting: '1' };
    await expect(startMariaDb({ settings })).rejects.toThrow(/no_such_setting|no-such-setting/);
  });
});

async function killAndRestart(server: LocalServer): Promise<number> {
  const { pid } = server;
  await server.stop('SIGKILL');
  expect(isAlive(pid)).toBe(false);
  await server.restart();
  return pid;
}

async function disposesOf(server: LocalServer): Promise<void> {
  const { pid, dir } = server;
  expect(isAlive(pid)).toBe(true);
  await server[Symbol.asyncDispose]();
  expect(isAlive(pid)).toBe(false);
  expect(existsSync(dir)).toBe(false);
}

async function withConnection(server: LocalServer, work: (db: Connection) => Promise<unknown>) {
  await using db = await createConnection(server.url);
  await work(db);
}

async function rows(db: Connection, query: string): Promise<RowDataPacket[]> {
  return (await db.query<RowDataPacket[]>(query))[0];
}

const topic = 'dev-stack';

function client(server: LocalServer): Kafka {
  const brokers = [`${server.host}:${server.port}`];
  return new Kafka({ brokers, logLevel: logLevel.NOTHING });
}

async function produce(server: LocalServer, values: readonly string[]): Promise<void> {
  const admin = client(server).admin();
  await admin.connect();
  // The broker makes no topic by itself: a misspelt name must not become one.
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] });
  await admin.disconnect();
  const producer = client(server).producer();
  await producer.connect();
  await producer.send({ topic, acks: -1, messages: values.map((value) => ({ value })) });
  await producer.disconnect();
}

async function consume(server: LocalServer, count: number): Promise<string[]> {
  const consumer = client(server).consumer({ groupId: topic });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const values: string[] = [];
  const enough = Promise.withResolvers<void>();
  const keep = ({ value }: KafkaMessage) => values.push(value?.toString() ?? '');
  await consumer.run({
    eachMessage: async ({ message }) => {
      if (keep(message) === count) enough.resolve();
    },
  });
  await enough.promise;
  await consumer.disconnect();
  return values;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
