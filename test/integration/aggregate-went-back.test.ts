import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { quoteName } from '../../src/platform/mysql.ts';
import type { RowDataPacket } from '../../src/platform/mysql.ts';
import { smallCloud } from '../support/aggregate-cloud.ts';
import { account, hour, logRecord, placed, start, watermark } from '../support/aggregate-feed.ts';
import type { Draft } from '../support/aggregate-feed.ts';
import { testSeed } from '../support/seeded.ts';
import { StoreCopy } from '../support/store-copy.ts';
import type { LogRecord } from '../../src/platform/log/log.ts';
import { AggregateStore, batchOf, calm } from './aggregate-fixture.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const { seed, random } = testSeed();
const lostCommits = { code: 'STORE_WENT_BACK', retry: 'restart' };
const fenced = { code: 'SINK_FENCED', retry: 'restart' };
let store: AggregateStore;
let log: LogRecord[];
let whole: Record<string, string>;

beforeAll(async () => {
  // The preset in which an event that is folded twice bills twice.
  store = await AggregateStore.create('java-4.23');
  log = placed(
    smallCloud(() => random.next()),
    1,
  )[0]!;
  const generation = await store.generation('whole', 1);
  await store.foldAll(generation, [log], () => Infinity);
  expect(await store.count('correction')).toBeGreaterThan(0);
  whole = await contents(generation);
});
afterAll(() => store[Symbol.asyncDispose]());

const copyStore = () => StoreCopy.take(store.target, [store.schema]);
/** The records from one offset to another, as a fetch that began at the first brings them. */
const fetched = (from: number, to: number) => {
  const records = log.filter(({ offset }) => offset >= from && offset < to);
  return { ...batchOf(0, records, from), nextOffset: to, endOffset: to };
};
const end = () => (log.at(-1)?.offset ?? 0) + 1;

test(`a worker whose store went back between its batches passes over nothing (seed ${seed})`, async () => {
  const generation = await store.generation('between', 1);
  let worker = await store.worker(generation, 0);
  let isCut = false;
  for (let refused = 0; refused < 4;) {
    const at = worker.nextOffset;
    const [middle, last] = [at + random.whole(1, 60), at + random.whole(61, 120)];
    await using copy = await copyStore();
    await worker.handle(fetched(at, middle), calm);
    await copy.restore();
    // Cut off, as by a fail-over, or with its connection, as by a backup that is read in.
    isCut = !isCut;
    if (isCut) await copy.cut();
    const what = isCut ? { ...lostCommits, facts: { nextOffset: at, had: middle } } : fenced;
    await expect(worker.handle(fetched(middle, last), calm)).rejects.toMatchObject(what);
    refused++;
    await worker.close();
    worker = await store.worker(generation, 0);
    expect(worker.nextOffset).toBe(at);
    await worker.handle(fetched(at, last), calm);
  }
  await worker.handle(fetched(worker.nextOffset, end()), calm);
  expect(await contents(generation)).toEqual(whole);
});

test(`nothing that a worker holds in memory outlives a store that went back within its batch (seed ${seed})`, async () => {
  const generation = await store.generation('within', 1);
  const worker = await store.worker(generation, 0, { limits: { splitLength: 0, pageAccounts: 4 } });
  const parts = 4;
  let lost = 0;
  for (let part = 1; part <= parts; part++) {
    const from = worker.nextOffset;
    await using copy = await copyStore();
    let beats = random.whole(2, 12);
    const heartbeat = async () => {
      if (--beats !== 0) return;
      await copy.cut();
      if ((await progressOf(generation)) > from) lost++;
      await copy.restore();
    };
    const batch = fetched(from, part === parts ? end() : Math.floor((end() * part) / parts));
    await worker.handle(batch, { stale: () => false, heartbeat });
  }
  expect(lost).toBeGreaterThan(0);
  expect(await contents(generation)).toEqual(whole);
});

test('an account that lived on another partition in commits that are lost may live on this one', async () => {
  const generation = await store.generation('homes', 2);
  const [home, other] = [await store.worker(generation, 0), await store.worker(generation, 1)];
  await using copy = await copyStore();
  const told = (...drafts: Draft[]) => drafts.map((draft, offset) => logRecord(offset, draft));
  await home.handle(batchOf(0, told(account('1'))), calm);
  let beats = 0;
  const heartbeat = async () => {
    if (++beats > 1) return;
    await copy.cut();
    await copy.restore();
  };
  const story = told(account('1'), watermark(start), account('2'), watermark(start + 5 * hour));
  await other.handle(batchOf(1, story), { stale: () => false, heartbeat });
  const lives = `generation=${generation} AND account_id=1 AND partition_id=1`;
  expect(await store.count('account_state', lives)).toBe(1);
  expect(await store.count('dead_letter', `generation=${generation}`)).toBe(0);
  expect(beats).toBeGreaterThan(1);
});

test('of two owners of one epoch, because the store has lost a claim, the one that it knows writes', async () => {
  const generation = await store.generation('epochs', 1);
  await using copy = await copyStore();
  const lost = await store.worker(generation, 0);
  await copy.restore();
  const known = await store.worker(generation, 0);
  const epochs = await store.rows<{ epoch: string }>('progress', `WHERE generation=${generation}`);
  expect(epochs.map(({ epoch }) => epoch)).toEqual(['1']);
  // Both have epoch 1 and stand at offset 0; the first time its connection lives, then it asks anew.
  await expect(lost.handle(fetched(0, 50), calm)).rejects.toMatchObject(fenced);
  await expect(lost.handle(fetched(0, 50), calm)).rejects.toMatchObject(fenced);
  await known.handle(fetched(0, end()), calm);
  expect(await contents(generation)).toEqual(whole);
});

test('a generation that has the id of one that the store lost gets nothing of it', async () => {
  await using copy = await copyStore();
  const generation = await store.generation('lost', 1);
  const worker = await store.worker(generation, 0);
  await worker.handle(fetched(0, 50), calm);
  await copy.restore();
  expect(await store.generation('other', 1)).toBe(generation);
  // The same epoch, and where the other began.
  const other = await store.worker(generation, 0);
  await other.handle(fetched(0, 50), calm);
  await copy.cut();
  const changed = { code: 'GENERATION_CHANGED', retry: 'restart' };
  await expect(worker.handle(fetched(50, 100), calm)).rejects.toMatchObject(changed);
  await other.handle(fetched(50, end()), calm);
  expect(await contents(generation)).toEqual(whole);
});

async function progressOf(generation: number): Promise<number> {
  const [row] = await store.rows<{ next_offset: string }>(
    'progress',
    `WHERE generation=${generation}`,
  );
  return Number(row?.next_offset);
}

/** Differ from generation to generation that are the same. */
const ownColumns = [
  ...['generation', 'id', 'epoch', 'owner', 'connection_id', 'updated_at', 'recorded_at'],
  ...['cloud_usage_id', 'amended_at'],
];

/** Of each table with something of a generation, how many rows and a digest of them. */
async function contents(generation: number): Promise<Record<string, string>> {
  const [tables] = await store.pool.query<RowDataPacket[]>(
    `SELECT TABLE_NAME AS name, GROUP_CONCAT(
       CONCAT("COALESCE(HEX(\`", COLUMN_NAME, "\`), '-')") ORDER BY ORDINAL_POSITION) AS columns
     FROM information_schema.COLUMNS c WHERE TABLE_SCHEMA = ? AND COLUMN_NAME NOT IN (?)
       AND EXISTS (SELECT 1 FROM information_schema.COLUMNS g WHERE g.TABLE_SCHEMA = c.TABLE_SCHEMA
         AND g.TABLE_NAME = c.TABLE_NAME AND g.COLUMN_NAME = 'generation') GROUP BY TABLE_NAME`,
    [store.schema, ownColumns],
  );
  const found: Record<string, string> = {};
  for (const { name, columns } of tables as { name: string; columns: string }[]) {
    const [[row]] = await store.pool.query<RowDataPacket[]>(
      `SELECT COUNT(*) AS n, BIT_XOR(CONV(LEFT(SHA2(CONCAT_WS('|', ${columns}), 256), 15), 16, 10)) AS digest
       FROM ${quoteName(store.schema, name)} WHERE generation = ?`,
      [generation],
    );
    found[name] = `${row?.['n']} ${row?.['digest']}`;
  }
  return found;
}
