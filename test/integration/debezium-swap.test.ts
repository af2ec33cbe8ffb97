import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { startMysql } from '../../deploy/dev/mysql.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { decodeOffsetFile, encodeOffsetFile } from '../../src/tail/connect-offset-file.ts';
import { offsetKey, parseOffsetRecord } from '../../src/tail/connect-offset.ts';
import { exportOffset, importOffset } from '../../src/tail/hand-over.ts';
import { changeCloud, fillCloud } from '../support/cloud-changes.ts';
import { startDebezium } from '../support/debezium.ts';
import { debeziumTopics, expectSameRaw, whenRawHas } from '../support/debezium-topics.ts';
import { startLoad } from '../support/event-load.ts';
import { mysqlPrograms } from '../support/mysql.ts';
import { canRunDebezium, servers, startMariaDb } from '../support/servers.ts';
import { insertEvent, tailedCloud } from '../support/tailed-cloud.ts';
import type { TailedCloud } from '../support/tailed-cloud.ts';
import { allTopics } from '../../src/cli/demo/pipeline.ts';

const programs = await mysqlPrograms();
// Of their own: a Debezium cannot read the GTIDs with a tag that other tests make.
const sources = [
  { flavour: 'mariadb' as const, open: () => startMariaDb() },
  ...(programs === undefined
    ? []
    : [{ flavour: 'mysql' as const, open: () => startMysql({ programs }) }]),
];

describe.skipIf(!canRunDebezium())('under load', () => {
  test.each(sources)(
    'our tail, a Debezium and our tail again ($flavour) write each change once, keys on the same partitions, and the feed has all',
    { timeout: 120_000 },
    async ({ flavour, open }) => {
      await using server = await open();
      await using cloud = await tailedCloud(server.url);
      const { sql, prefix, cloudSchema, log } = cloud;
      await using topics = new AsyncDisposableStack();
      topics.defer(() => log.deleteTopics(debeziumTopics(cloudSchema, prefix)));
      const options = { prefix, cloudSchema, sessionTimeoutMs: 6000 };
      const logger = createLogger({ level: 'silent' });
      const { signal } = new AbortController();
      const io = { log, logger, signal, clock: systemClock };
      await fillCloud(sql);
      // Another tailer reads everything from first to last: the history of the database.
      const witness = `${prefix}w`;
      topics.defer(() => log.deleteTopics(allTopics({ prefix: witness, cloudSchema })));
      const whole = cloud.start({ prefix: witness });
      const first = cloud.start();
      await Promise.all([whole.whenCaughtUp(), first.whenCaughtUp()]);
      const load = startLoad(server.url, cloudSchema);

      await load.reached(200);
      await first.stop();
      const offset = await exportOffset(options, io);
      const connector = `${prefix}-connector`;
      const given = { connector, server: prefix, offset };
      const events = `${prefix}.${cloudSchema}.usage_event`;
      const debezium = await startDebezium({
        flavour,
        sourceUrl: server.url,
        kafka: servers().kafkaBrokers,
        prefix,
        cloudSchema,
        partitions: cloud.options.feedPartitions,
        offsets: encodeOffsetFile(new Map([[offsetKey(given), JSON.stringify(offset)]])),
        connector: { 'snapshot.mode': 'recovery' },
      });
      let taken;
      try {
        await changeCloud(sql);
        await insertEvent(sql, { resource_name: 'by Debezium' });
        await whenRawHas(log, events, 'by Debezium');
        await debezium.stop();
        const [entry] = decodeOffsetFile(readFileSync(debezium.offsetsFile));
        taken = parseOffsetRecord(...entry!);
      } finally {
        await debezium[Symbol.asyncDispose]();
      }

      const dry = await importOffset({ ...options, dryRun: true }, taken, io);
      const { after } = await importOffset({ ...options, dryRun: false }, taken, io);
      expect({ ...dry.after, atMs: 0 }).toEqual({ ...after, atMs: 0 });
      const last = cloud.start();
      await load.reached(load.count() + 200);
      await load.stop();
      await Promise.all([whole.whenCaughtUp(), last.whenCaughtUp()]);
      await Promise.all([whole.stop(), last.stop()]);

      const ours = await expectSameRaw(cloud, prefix, witness);
      const writers = ours
        .get('usage_event')!
        .map(({ value }) => /"version":"(\w+)/.exec(value ?? '')?.[1]);
      expect([...new Set(writers)].filter((each) => each !== undefined)).toEqual([
        'usagestream',
        '3',
      ]);
      expect(await eventIds(cloud, prefix)).toEqual(await eventIds(cloud, witness));
    },
  );
});

async function eventIds(cloud: TailedCloud, prefix: string): Promise<string[]> {
  const found = await cloud.records(`${prefix}.usage-feed`);
  return found
    .flatMap(({ value }) => /"event":\{"id":"(\d+)"/.exec(String(value))?.[1] ?? [])
    .toSorted();
}
