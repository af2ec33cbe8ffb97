import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { EventLog, LogBatch, OutRecord } from '../../src/platform/log/log.ts';
import { randomSuffix } from '../support/servers.ts';
import { LogStore } from './log-store.ts';

export interface LogUnderTest {
  readonly open: () => EventLog;
  readonly newTopic: (partitions?: number) => Promise<string>;
  readonly write: (records: readonly OutRecord[]) => Promise<void>;
}

/** What consumer groups of every adapter must keep. */
export function describeGroupConformance({ open, newTopic, write }: LogUnderTest): void {
  describe('a group', () => {
    const join = (store: LogStore, topic: string, group: string, concurrency = 1) => {
      const options = { group, topic, concurrency, sessionTimeoutMs: 6000 };
      return open().join({ ...options, handler: store.member() });
    };
    const numbers = (topic: string, from: number, count: number) =>
      Array.from({ length: count }, (_, i): OutRecord => {
        const value = String(from + i);
        return { topic, partition: (from + i) % 4, key: null, value };
      });

    test('starts where its store says', async () => {
      const topic = await newTopic(4);
      await write(numbers(topic, 0, 40));
      const store = new LogStore();
      for (const partition of [0, 1, 2, 3]) store.next.set(partition, partition);
      await using _member = await join(store, topic, `g-${randomSuffix()}`);
      await store.holds(40 - 6);
      expect(store.values.get(0)).toEqual([
        '0',
        '4',
        '8',
        '12',
        '16',
        '20',
        '24',
        '28',
        '32',
        '36',
      ]);
      expect(store.values.get(3)).toEqual(['15', '19', '23', '27', '31', '35', '39']);
    });

    test('shares the partitions, takes over those of one that leaves, loses and doubles none', async () => {
      const topic = await newTopic(4);
      const group = `g-${randomSuffix()}`;
      const store = new LogStore();
      await write(numbers(topic, 0, 400));
      await using first = await join(store, topic, group, 2);
      await store.holds(400);
      expect(store.owners()).toEqual([4]);

      const second = await join(store, topic, group, 2);
      await store.sharedBy([2, 2]);
      await write(numbers(topic, 400, 400));
      await store.holds(800);

      await second[Symbol.asyncDispose]();
      await second.done;
      await store.sharedBy([4]);
      await write(numbers(topic, 800, 400));
      await store.holds(1200);
      for (const [partition, values] of store.values) {
        expect(values).toEqual(Array.from({ length: 300 }, (_, i) => String(partition + 4 * i)));
      }
      await first[Symbol.asyncDispose]();
      expect(store.owners()).toEqual([]);
    });

    test('tells a batch in hand that its partition was taken', async () => {
      const topic = await newTopic();
      const group = `g-${randomSuffix()}`;
      await write([of(topic, 'a')]);
      const [started, noticed] = [gate(), gate()];
      const stuck = {
        assigned: async () => new Map([[0, 0]]),
        async batch(_: LogBatch, control: { stale(): boolean; heartbeat(): Promise<void> }) {
          started.resolve();
          while (!control.stale()) {
            await control.heartbeat();
            await sleep(5);
          }
          noticed.resolve();
        },
        revoked: async () => {},
      };
      await using _first = await open().join({ group, topic, handler: stuck });
      await started.promise;
      await using _second = await join(new LogStore(), topic, group);
      await noticed.promise;
    });

    test('ends a member whose handler fails, and another takes its partitions', async () => {
      const topic = await newTopic();
      const group = `g-${randomSuffix()}`;
      await write([of(topic, 'a')]);
      const revoked: number[] = [];
      const poisoned = await open().join({
        group,
        topic,
        handler: {
          assigned: async () => new Map([[0, 0]]),
          batch: async () => Promise.reject(new Error('poison')),
          revoked: async (partitions) => void revoked.push(...partitions),
        },
      });
      await expect(poisoned.done).rejects.toThrow('poison');
      expect(revoked).toEqual([0]);
      const store = new LogStore();
      await using _healthy = await join(store, topic, group);
      await store.holds(1);
      await poisoned[Symbol.asyncDispose]();
    });

    test('ends a member whose start the log does not reach', async () => {
      const topic = await newTopic();
      const store = new LogStore();
      store.next.set(0, 5);
      await using member = await join(store, topic, `g-${randomSuffix()}`);
      await expect(member.done).rejects.toMatchObject({ code: 'LOG_OFFSET_MISSING' });
    });

    test('cannot be joined on a topic that is not there', async () => {
      const lost = join(new LogStore(), `t.never-${randomSuffix()}`, `g-${randomSuffix()}`);
      await expect(lost).rejects.toMatchObject({ code: 'LOG_TOPIC_MISMATCH' });
    });
  });
}

const of = (topic: string, value: string): OutRecord => ({ topic, partition: 0, key: null, value });

const gate = () => Promise.withResolvers<void>();
