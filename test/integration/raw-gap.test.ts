import { expect, test } from 'vitest';
import { systemClock } from '../../src/platform/clock.ts';
import type { OutRecord } from '../../src/platform/log/log.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { compareBinlogPoints } from '../../src/tail/binlog-point.ts';
import type { BinlogPoint } from '../../src/tail/binlog-point.ts';
import { importOffset } from '../../src/tail/hand-over.ts';
import { readPosition } from '../../src/tail/position.ts';
import { binlogEnd } from '../../src/tail/server-facts.ts';
import { changeEvents } from '../../streams/index.ts';
import { allTopics } from '../../src/cli/demo/pipeline.ts';
import { changeCloud, fillCloud } from '../support/cloud-changes.ts';
import { expectSameRaw, rawTopics } from '../support/debezium-topics.ts';
import type { RawRecord } from '../support/debezium-topics.ts';
import { insertEvent, tailedCloud } from '../support/tailed-cloud.ts';
import type { TailedCloud } from '../support/tailed-cloud.ts';

test(
  'what a Debezium that was cut off had sent to some partitions and not to others is written once to each',
  { timeout: 60_000 },
  async () => {
    await using cloud = await tailedCloud();
    const { sql, prefix, cloudSchema, log } = cloud;
    const witness = `${prefix}w`;
    await using topics = new AsyncDisposableStack();
    topics.defer(() => log.deleteTopics(allTopics({ prefix: witness, cloudSchema })));
    await fillCloud(sql);
    // The newest event of the feed, which has to be there still when we come back.
    await insertEvent(sql);
    const whole = cloud.start({ prefix: witness });
    const first = cloud.start();
    await Promise.all([whole.whenCaughtUp(), first.whenCaughtUp()]);
    await first.stop();
    for (const resource_name of ['a', 'b', 'c']) await insertEvent(sql, { resource_name });
    const at = await binlogEnd(sql);
    await changeCloud(sql);
    await whole.whenCaughtUp();

    await sendAsDebezium(cloud, witness, at);
    const { signal } = new AbortController();
    const { after } = await importOffset(
      { prefix, cloudSchema, sessionTimeoutMs: 6000, dryRun: false },
      { connector: 'c', server: prefix, offset: { ...at } },
      { log, logger: createLogger({ level: 'silent' }), clock: systemClock, signal },
    );
    expect(after.rawFrom?.after).toEqual(at);
    expect(new Set(after.rawFrom?.ends?.map(({ partition }) => partition))).toEqual(
      new Set([0, 2]),
    );

    // Stopped on the way, it knows what is left.
    const second = cloud.start();
    await second.when(({ phase }) => phase === 'stream');
    await second.stop();
    await insertEvent(sql, { resource_name: 'ours again' });
    const last = cloud.start();
    await Promise.all([whole.whenCaughtUp(), last.whenCaughtUp()]);
    await Promise.all([whole.stop(), last.stop()]);
    await expectSameRaw(cloud, prefix, witness);
    expect((await readPosition(log, prefix, prefix, signal))?.rawFrom).toBeUndefined();
  },
);

/**
 * Writes what the witness wrote, as a Debezium that was cut off: what lies before its offset everywhere,
 * of the rest all in the first partition, nothing in the second, and in the third up to a delete without its
 * tombstone, or a half.
 */
async function sendAsDebezium(
  cloud: TailedCloud,
  witness: string,
  offset: BinlogPoint,
): Promise<void> {
  const { log, prefix, cloudSchema } = cloud;
  await using writer = await log.writer({ transactionalId: `${prefix}-connect` });
  const transaction = await writer.begin();
  const before = await rawTopics(cloud, prefix);
  for (const [table, records] of await rawTopics(cloud, witness)) {
    const out: OutRecord[] = [];
    for (const partition of [0, 1, 2]) {
      const isHere = (each: RawRecord) => each.partition === partition;
      const there = before.get(table)!.filter(isHere).length;
      const all = records.filter(isHere).slice(there);
      const old = all.findLastIndex(({ value }) => value !== null && isBefore(value, offset)) + 1;
      const cut = [all.length, old, halfOf(all, old)][partition]!;
      out.push(
        ...all.slice(0, cut).map(({ key, value, headers }) => ({
          ...{ topic: changeEvents(cloudSchema, table).topic(prefix), partition, key },
          value: value && asDebezium(value, witness, prefix),
          headers: Object.fromEntries(headers),
        })),
      );
    }
    if (out.length > 0) await transaction.append(out);
  }
  await transaction.commit();
}

function halfOf(all: readonly RawRecord[], old: number): number {
  const tombstone = all.findLastIndex(({ value }) => value === null);
  return tombstone > old ? tombstone : old + Math.ceil((all.length - old) / 2);
}

const isBefore = (value: string, offset: BinlogPoint): boolean => {
  const { source } = JSON.parse(value) as { source: BinlogPoint };
  return compareBinlogPoints(source, offset) < 0;
};

const asDebezium = (value: string, from: string, to: string): string =>
  value
    .replace(/"version":"[^"]*"/, '"version":"3.5.0.Final"')
    .replace(`"name":"${from}"`, `"name":"${to}"`);
