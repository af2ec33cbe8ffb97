import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { GroupFeed } from '../../../../src/platform/log/group-feed.ts';
import type { GroupHandler, LogBatch } from '../../../../src/platform/log/log.ts';
import type { Fetcher } from '../../../../src/platform/log/partition-fetcher.ts';
import { readPartition } from '../../../../src/platform/log/read-partition.ts';

/** A log in memory: every third offset is a marker, batches are of two offsets. */
class ScriptedFetcher implements Fetcher {
  closed = false;
  inMemory = 0;
  readonly #end: number;

  constructor(end: number) {
    this.#end = end;
  }

  async fetch(wants: readonly { partition: number; from: number }[]): Promise<LogBatch[]> {
    await setImmediate();
    if (this.closed) return [];
    return wants
      .filter(({ from }) => from < this.#end)
      .map(({ partition, from }) => {
        const nextOffset = Math.min(from + 2, this.#end);
        const offsets = Array.from({ length: nextOffset - from }, (_, i) => from + i);
        const records = offsets
          .filter((offset) => offset % 3 !== 2)
          .map((offset) => ({ offset, key: null, value: null, timestampMs: 0, headers: {} }));
        const ends = { startOffset: from, nextOffset, endOffset: this.#end };
        return { topic: 't', partition, records, ...ends };
      });
  }

  close(): void {
    this.closed = true;
  }
}

describe('reading one partition', () => {
  const readAll = async (end: number, from: number, until: number) => {
    const fetcher = new ScriptedFetcher(end);
    const signal = new AbortController().signal;
    const batches: LogBatch[] = [];
    for await (const batch of readPartition(fetcher, { partition: 0, from, until, signal })) {
      batches.push(batch);
    }
    const offsets = batches.flatMap(({ records }) => records.map(({ offset }) => offset));
    return { offsets, nextOffset: batches.at(-1)?.nextOffset, closed: fetcher.closed };
  };

  test.each([
    { from: 0, until: 9, offsets: [0, 1, 3, 4, 6, 7], why: 'markers at the end do not hold it up' },
    { from: 1, until: 4, offsets: [1, 3], why: 'the last batch is cut at the end asked for' },
    { from: 2, until: 3, offsets: [], why: 'a range of a marker alone ends' },
  ])('$why', async ({ from, until, offsets }) => {
    expect(await readAll(9, from, until)).toEqual({ offsets, nextOffset: until, closed: true });
  });

  test('an empty range asks for nothing', async () => {
    expect(await readAll(9, 4, 4)).toEqual({ offsets: [], nextOffset: undefined, closed: false });
  });

  test('it ends quietly when it is aborted while it waits', async () => {
    const abort = new AbortController();
    const seen: number[] = [];
    const options = { partition: 0, from: 0, signal: abort.signal };
    for await (const batch of readPartition(new ScriptedFetcher(4), options)) {
      seen.push(batch.nextOffset);
      if (batch.nextOffset === 4) abort.abort();
    }
    expect(seen).toEqual([2, 4]);
  });
});

describe('the feed of a group member', () => {
  const feedOf = (handler: Partial<GroupHandler>, concurrency = 1, end = 9) =>
    new GroupFeed({
      concurrency,
      openFetcher: () => new ScriptedFetcher(end),
      handler: {
        assigned: async (partitions) => new Map(partitions.map((partition) => [partition, 0])),
        batch: async () => {},
        revoked: async () => {},
        ...handler,
      },
    });

  test('batches of a partition are contiguous, one at a time, and at most `concurrency` in all', async () => {
    const next = new Map([0, 1, 2].map((partition) => [partition, 0]));
    const running = new Set<number>();
    let most = 0;
    const done = Promise.withResolvers<void>();
    const feed = feedOf(
      {
        async batch({ partition, startOffset, nextOffset }) {
          expect(startOffset).toBe(next.get(partition));
          expect(running.has(partition)).toBe(false);
          running.add(partition);
          most = Math.max(most, running.size);
          await setImmediate();
          expect(nextOffset).toBe(Math.min(next.get(partition)! + 2, 9));
          next.set(partition, nextOffset);
          running.delete(partition);
          if ([...next.values()].every((offset) => offset === 9)) done.resolve();
        },
      },
      2,
    );
    feed.assign([0, 1, 2]);
    await Promise.race([done.promise, feed.failed]);
    await feed.stop();
    expect(most).toBe(2);
  });

  test.each([
    { fails: false, why: 'a partition is let go after its running batch, which can tell' },
    { fails: true, why: 'what fails when its partition is lost anyway ends nothing' },
  ])('$why', async ({ fails }) => {
    const story: string[] = [];
    const [started, go, again] = [gate(), gate(), gate()];
    const feed = feedOf({
      async assigned(partitions) {
        story.push(`assigned ${partitions.join()}`);
        if (partitions.includes(1)) again.resolve();
        return new Map(partitions.map((partition) => [partition, partition === 0 ? 0 : 9]));
      },
      async batch(_, control) {
        started.resolve();
        await go.promise;
        story.push(`stale ${control.stale()}`);
        if (fails) throw new Error('fenced');
      },
      async revoked(partitions) {
        story.push(`revoked ${partitions.join()}`);
      },
    });
    feed.assign([0]);
    await started.promise;
    feed.revoke();
    feed.assign([1]);
    go.resolve();
    await Promise.race([again.promise, feed.failed]);
    await feed.stop();
    expect(story).toEqual(['assigned 0', 'stale true', 'revoked 0', 'assigned 1', 'revoked 1']);
  });

  test('what fails while its partition is ours ends the feed, and nothing more is begun', async () => {
    let batches = 0;
    const revoked: number[] = [];
    const feed = feedOf({
      async batch() {
        batches++;
        throw new Error('poison');
      },
      async revoked(partitions) {
        revoked.push(...partitions);
      },
    });
    feed.assign([0, 1]);
    await expect(feed.failed).rejects.toThrow('poison');
    await feed.stop();
    expect({ batches, revoked }).toEqual({ batches: 1, revoked: [0, 1] });
  });

  test('a partition without a start is a fault, not a start at 0', async () => {
    const feed = feedOf({ assigned: async () => new Map([[0, 0]]) });
    feed.assign([0, 1]);
    await expect(feed.failed).rejects.toThrow('no start of partition 1');
    await feed.stop();
  });
});

const gate = () => Promise.withResolvers<void>();
