import { expect, test, vi } from 'vitest';
import { quirkSet } from '../../src/domain/quirks.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { openKafkaLog } from '../../src/platform/log/kafka.ts';
import { usagestream } from '../support/command-line.ts';
import { foldGolden, formatGoldenRows, readGolden } from '../support/golden.ts';
import { playGolden } from '../support/play-golden.ts';
import { goldenLines, publishedLines } from '../support/published-lines.ts';
import { randomSuffix, servers } from '../support/servers.ts';
import { insertEvent, tailedCloud } from '../support/tailed-cloud.ts';
import type { TailedCloud } from '../support/tailed-cloud.ts';

vi.setConfig({ testTimeout: 90_000 });

const zones = { fixed: new Map([['1', [0, 1]]]), auto: 1 };

const partitionsOf = async (cloud: TailedCloud, account: string) =>
  new Set((await cloud.feed()).filter((r) => r.key === account).map((r) => r.partition));

const insertAccount = (cloud: TailedCloud, id: number) =>
  cloud.sql.query('INSERT INTO account (id, account_name, type) VALUES (?, ?, 0)', [id, `a${id}`]);

test('a zone has its partitions to itself, and an account stays at home whatever zones its events name', async () => {
  await using cloud = await tailedCloud();
  await insertAccount(cloud, 2);
  await insertEvent(cloud.sql, { account_id: 2, zone_id: 1 });
  const tail = cloud.start({ feedPartitions: 6, zones });
  await tail.whenCaughtUp();
  // Closes carry zone 0 or another zone; a new zone appears while the tailer runs.
  await insertEvent(cloud.sql, { account_id: 2, zone_id: 0, type: 'NET.RULEDELETE' });
  await insertAccount(cloud, 3);
  await insertEvent(cloud.sql, { account_id: 3, zone_id: 7 });
  await insertEvent(cloud.sql, { account_id: 2, zone_id: 7 });
  await insertAccount(cloud, 4);
  await insertEvent(cloud.sql, { account_id: 4, zone_id: 8 });
  await tail.whenCaughtUp();
  expect([...(await partitionsOf(cloud, '2'))]).toEqual([0]);
  expect([...(await partitionsOf(cloud, '3'))]).toEqual([2]);
  expect([...(await partitionsOf(cloud, '4'))]).toEqual([3]);
  const kinds = (await cloud.feed()).filter((r) => r.key === '4').map((r) => r.kind);
  expect(kinds).toEqual(['account', 'usage-event']);
});

test('what names no zone is kept over a restart and comes before the first event of its account', async () => {
  await using cloud = await tailedCloud();
  const first = cloud.start({ feedPartitions: 6, zones });
  await first.whenCaughtUp();
  await insertAccount(cloud, 5);
  await cloud.sql.query(`UPDATE account SET account_name = 'newest' WHERE id = 5`);
  await first.whenCaughtUp();
  await first.stop();
  expect(await partitionsOf(cloud, '5')).toEqual(new Set());
  const again = cloud.start({ feedPartitions: 6, zones });
  await insertEvent(cloud.sql, { account_id: 5, zone_id: 9 });
  await again.whenCaughtUp();
  const records = (await cloud.feed()).filter(({ key }) => key === '5');
  expect(records.map(({ kind }) => kind)).toEqual(['account', 'usage-event']);
  expect(records[0]).toMatchObject({ account: { name: 'newest' } });
  expect(new Set(records.map(({ partition }) => partition)).size).toBe(1);
});

test('the same rows come out with zones in slices of their own, and status adds them up by zone', async () => {
  const golden = await readGolden('zones');
  const tailArgs = ['--zone', 'auto=2'];
  await using pipeline = await playGolden(golden, { partitions: 8, tailArgs });
  const { cloudUsageSchema, schema, prefix } = pipeline.names;
  const rows = foldGolden(golden, quirkSet('java-4.23'), { losesLateCounters: false }).rows;
  const published = await publishedLines(pipeline.pool, cloudUsageSchema);
  expect(published.toSorted()).toEqual(goldenLines(formatGoldenRows(rows)).toSorted());
  const status = usagestream([
    ...['status', '--by', 'zone', '--json', '--schema', schema, '--prefix', prefix],
  ]);
  const { zones: found } = JSON.parse(status.stdout) as {
    zones: { zone: string | null; accounts: number; partitions: number[]; lag: number }[];
  };
  const homes = found.filter(({ zone }) => zone !== null);
  expect(homes.length).toBeGreaterThan(1);
  const slices = homes.filter(({ accounts }) => accounts > 0).map((z) => z.partitions);
  expect(new Set(slices.flat()).size).toBe(slices.flat().length);
  expect(homes.every(({ lag }) => lag === 0)).toBe(true);
});

test('a large transaction that is rolled back places no account, and what was held is still there for the first that commits', async () => {
  await using cloud = await tailedCloud();
  const { sql } = cloud;
  const small = { maxQueueBytes: 64 * 1024, commitBytes: 64 * 1024 };
  const tail = cloud.start({ feedPartitions: 6, zones, ...small });
  await tail.whenCaughtUp();
  await insertAccount(cloud, 5);
  await sql.query('START TRANSACTION');
  await insertAccount(cloud, 6);
  const events = Array.from({ length: 3000 }, (_, at) => [
    ...[at + 1, 'VM.START', 5 + (at % 2), '2026-03-01', 1, 'x'.repeat(100)],
  ]);
  await sql.query(
    'INSERT INTO usage_event (id, type, account_id, created, zone_id, resource_name) VALUES ?',
    [events],
  );
  // A temporary table makes the server log the rows, and a ROLLBACK after them.
  await sql.query('CREATE TEMPORARY TABLE scratch (id INT); ROLLBACK');
  await tail.whenCaughtUp();
  expect(await partitionsOf(cloud, '5')).toEqual(new Set());
  await insertEvent(sql, { account_id: 5, zone_id: 9 });
  await insertEvent(sql, { account_id: 6, zone_id: 9 });
  await tail.whenCaughtUp();
  await tail.stop();
  const feed = await cloud.feed();
  const kinds = (account: string) => feed.filter((r) => r.key === account).map((r) => r.kind);
  expect(kinds('5')).toEqual(['account', 'usage-event']);
  // Its row was never committed.
  expect(kinds('6')).toEqual(['usage-event']);
  // The home zone is that of the event that was committed: the slice of zone 9, not of zone 1.
  expect([...(await partitionsOf(cloud, '5'))]).toEqual([2]);
});

test('topics: creates what is missing, describes it, and refuses another partition count with the way to a new feed', async () => {
  const prefix = `z${randomSuffix()}`;
  const of = (...args: string[]) => usagestream(['topics', ...args, '--prefix', prefix]);
  try {
    expect(of('check', '--partitions', '3')).toMatchObject({ status: 1 });
    const made = JSON.parse(of('create', '--partitions', '3', '--json').stdout) as object;
    expect(made).toMatchObject({
      there: 16,
      created: expect.arrayContaining([`${prefix}.usage-feed`]),
    });
    expect(of('check', '--partitions', '3').status).toBe(0);
    expect(of('describe').stdout).toContain(
      `${prefix}.usage-feed  3 partitions, delete, 0 offsets`,
    );
    for (const command of ['check', 'create']) {
      const { status, stderr } = of(command, '--partitions', '4');
      expect(status).toBe(1);
      expect(stderr).toContain(`has 3 partitions, 4 are asked for`);
      expect(stderr).toContain(`--prefix ${prefix}-2`);
    }
    const wrong = of('create', '--partitions', '0');
    expect(wrong.status).toBe(2);
  } finally {
    const { kafkaBrokers: brokers } = servers();
    const logger = createLogger({ level: 'silent' });
    await using log = await openKafkaLog({ brokers, clientId: prefix, logger });
    const described = JSON.parse(of('describe', '--json').stdout) as { topic: string }[];
    await log.deleteTopics(described.map(({ topic }) => topic));
  }
});
