import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { startMysql } from '../../deploy/dev/mysql.ts';
import { allTopics } from '../../src/cli/demo/pipeline.ts';
import { FeedRecord } from '../../src/contracts/feed-record.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { decodeOffsetFile } from '../../src/tail/connect-offset-file.ts';
import { parseOffsetRecord } from '../../src/tail/connect-offset.ts';
import { importOffset } from '../../src/tail/hand-over.ts';
import { changeCloud, fillCloud } from '../support/cloud-changes.ts';
import { startDebezium } from '../support/debezium.ts';
import { debeziumTopics, expectSameRaw } from '../support/debezium-topics.ts';
import { startLoad } from '../support/event-load.ts';
import { adoptOptions, startAdopt } from '../support/running-adopt.ts';
import { mysqlPrograms } from '../support/mysql.ts';
import { canRunDebezium, servers, startMariaDb } from '../support/servers.ts';
import { tailedCloud } from '../support/tailed-cloud.ts';
import type { TailedCloud } from '../support/tailed-cloud.ts';

const mysql = canRunDebezium() ? await mysqlPrograms() : undefined;

describe.skipIf(!canRunDebezium()).each([
  { flavour: 'mariadb', programs: '' },
  { flavour: 'mysql', programs: mysql },
] as const)('adopting while a real Debezium for $flavour writes', ({ flavour, programs }) => {
  test.skipIf(programs === undefined)(
    'the feed is the one that our tail makes, and our tail goes on from where Debezium stopped',
    { timeout: 120_000 },
    async () => {
      await using own = new AsyncDisposableStack();
      const server =
        flavour === 'mysql' ? await startMysql({ programs: programs! }) : await startMariaDb();
      const { url: sourceUrl } = own.use(server);
      await using cloud = await tailedCloud(sourceUrl);
      const { sql, cloudSchema, log } = cloud;
      const prefix = `${cloud.prefix}d`;
      await using topics = new AsyncDisposableStack();
      topics.defer(() =>
        log.deleteTopics([
          ...debeziumTopics(cloudSchema, prefix),
          ...allTopics({ prefix, cloudSchema }),
        ]),
      );
      await fillCloud(sql);
      const witness = cloud.start();
      await witness.whenCaughtUp();
      const debezium = await startDebezium({
        flavour,
        sourceUrl,
        kafka: servers().kafkaBrokers,
        prefix,
        cloudSchema,
        partitions: cloud.options.feedPartitions,
      });
      let offset;
      const options = adoptOptions({ prefix, cloudSchema, from: prefix });
      try {
        const adopt = startAdopt(options, log);
        const load = startLoad(sourceUrl, cloudSchema);
        await load.reached(100);
        await changeCloud(sql);
        await load.stop();
        // Nothing more happens: heartbeats alone bring the watermark to here.
        await adopt.whenWatermark(Date.now());
        await adopt.stop();
        await witness.whenCaughtUp();
        expect(await feedOf(cloud, prefix)).toEqual(await feedOf(cloud, cloud.prefix));

        const more = startLoad(sourceUrl, cloudSchema);
        await more.reached(50);
        await debezium.stop();
        await more.stop();
        const [entry] = decodeOffsetFile(readFileSync(debezium.offsetsFile));
        offset = parseOffsetRecord(...entry!);
      } finally {
        await debezium[Symbol.asyncDispose]();
      }

      const io = {
        log,
        logger: createLogger({ level: 'silent' }),
        clock: systemClock,
        signal: new AbortController().signal,
      };
      const hands = { prefix, cloudSchema, sessionTimeoutMs: 6000, dryRun: false };
      await expect(importOffset(hands, offset, io)).rejects.toMatchObject({
        code: 'OFFSETS_REFUSED',
        facts: { fix: expect.stringContaining('usagestream adopt') },
      });
      expect(await startAdopt({ ...options, drain: true }, log).done).toEqual({ reason: 'until' });
      await importOffset(hands, offset, io);
      const tail = cloud.start({ prefix });
      await changeCounters(cloud);
      await Promise.all([tail.whenCaughtUp(), witness.whenCaughtUp()]);
      await Promise.all([tail.stop(), witness.stop()]);

      await expectSameRaw(cloud, prefix, cloud.prefix);
      // The transaction that Debezium's offset lies in may be there twice, with the same ids.
      expect(new Set(await feedOf(cloud, prefix))).toEqual(
        new Set(await feedOf(cloud, cloud.prefix)),
      );
    },
  );
});

const changeCounters = ({ sql }: TailedCloud): Promise<unknown> =>
  sql.query('UPDATE bucket_statistics SET size = 424242');

/** What the feed says, partition by partition: a snapshot in any order, then in its own. */
async function feedOf(cloud: TailedCloud, prefix: string): Promise<string[]> {
  const found = (await cloud.records(`${prefix}.usage-feed`)).flatMap(({ partition, value }) => {
    const { watermarkMs: _, origin, ...body } = FeedRecord.parse(JSON.parse(String(value)));
    if (body.kind === 'watermark') return [];
    const { gtid, file, pos, row, snapshot } = origin;
    const place = snapshot ? 'snapshot' : [gtid, file, pos, row].join('/');
    return [{ snapshot, text: `${partition} ${place} ${JSON.stringify(body)}` }];
  });
  const texts = (snapshot: boolean) =>
    found.filter((each) => each.snapshot === snapshot).map(({ text }) => text);
  return [...texts(true).toSorted(), ...texts(false)];
}
