import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { OutRecord } from '../../src/platform/log/log.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { exportOffset, importOffset } from '../../src/tail/hand-over.ts';
import { encodePosition, readPosition } from '../../src/tail/position.ts';
import type { PositionRecord } from '../../src/tail/position.ts';
import type { TailOptions } from '../../src/tail/tailer.ts';
import { changeEvents } from '../../streams/index.ts';
import { debeziumEvent } from '../support/debezium-event.ts';
import { insertEvent, tailedCloud } from '../support/tailed-cloud.ts';
import type { TailedCloud } from '../support/tailed-cloud.ts';

vi.setConfig({ testTimeout: 60_000 });

const { signal } = new AbortController();
const healed: PositionRecord['healed'] = {
  ...{ why: 'purged', atMs: 2000, gapFromMs: null, events: 0, details: 0, facts: 0 },
  ...{ conflicts: 0, lostOnSource: 0, newIncarnation: false },
};
let cloud: TailedCloud;
let left: PositionRecord;

beforeAll(async () => {
  cloud = await tailedCloud();
  await insertEvent(cloud.sql);
  const tail = cloud.start();
  await tail.whenCaughtUp();
  await tail.stop();
  left = await position();
});
afterAll(() => cloud[Symbol.asyncDispose]());

describe('while the raw topics are ahead of our position', () => {
  test.each<{ why: string; other: Partial<PositionRecord>; options: Partial<TailOptions> }>([
    {
      why: 'polling is refused',
      other: {},
      options: { sourceMode: 'poll' },
    },
    {
      why: 'going on by GTID on another server is refused',
      other: { serverId: 999_999, file: 'other-bin.000001' },
      options: {},
    },
    {
      why: 'healing by id is refused',
      other: { gtid: '0-999999-1' },
      options: {},
    },
  ])('$why, and nothing is written', async ({ other, options }) => {
    const rawFrom = { file: left.file, pos: left.pos + 1_000_000, row: 3 };
    await move({ ...left, ...other, rawFrom });
    const before = await rawCount();
    await expect(cloud.start({ ...options, failFast: true }).done).rejects.toMatchObject({
      code: 'OFFSETS_REFUSED',
      facts: { place: rawFrom },
    });
    expect(await rawCount()).toBe(before);
    expect((await position()).rawFrom).toEqual(rawFrom);
  });

  test('without raw topics it goes on, and the place is forgotten', async () => {
    const rawFrom = { file: left.file, pos: left.pos + 1_000_000, row: 3 };
    await move({ ...left, gtid: '0-999999-1', rawFrom });
    const tail = cloud.start({ raw: false });
    await tail.whenCaughtUp();
    await tail.stop();
    const after = await position();
    expect(after.healed).not.toBeNull();
    expect(after.rawFrom).toBeUndefined();
  });
});

test('a place that was passed is forgotten, also when nothing of ours came after it', async () => {
  await move({ ...left, rawFrom: { file: left.file, pos: left.pos, row: -1 } });
  const tail = cloud.start();
  await tail.whenCaughtUp();
  await tail.stop();
  expect((await position()).rawFrom).toBeUndefined();
});

test('what we wrote ourselves, perhaps of a server that was left, never hides raw changes', async () => {
  const offset = { file: left.file, pos: left.pos };
  const ahead = { ...left, file: 'other-bin.000001', pos: 4 };
  await move(ahead);
  const { after } = await importOffset(
    { ...hands(), dryRun: true },
    { connector: 'c', server: cloud.prefix, offset: { ...offset, file: ahead.file } },
    io(),
  );
  const at = { ...offset, file: ahead.file };
  expect(after.rawFrom).toEqual({ ...at, row: -1, after: at, ends: [] });
});

test.each([
  { why: 'counts in its partition', more: {}, ends: 1 },
  { why: 'does not count when the source was healed since', more: { healed }, ends: 0 },
  { why: 'counts in all when a key is not where ours goes', more: {}, key: 'x' },
])('what a Debezium wrote beyond its offset $why', async ({ more, ends, key }) => {
  const id = 1_000_000_001;
  const topic = changeEvents(cloud.cloudSchema, 'usage_event').topic(cloud.prefix);
  const value = debeziumEvent(cloud.prefix, id);
  await write({ topic, partition: null, key: key ?? `{"id":${id}}`, value });
  const place = { file: 'b.000001', pos: 4 };
  await move({ ...left, ...place, healed: null, ...more });
  const offset = { connector: 'c', server: cloud.prefix, offset: place };
  const { after } = await importOffset({ ...hands(), dryRun: true }, offset, io());
  const last = ends === 0 ? { ...place, row: -1 } : { ...place, pos: id * 100, row: 0 };
  expect(after.rawFrom).toMatchObject(last);
  expect(after.rawFrom?.after).toEqual(ends === undefined ? undefined : place);
  expect(after.rawFrom?.ends?.map(({ pos, records }) => [pos, records])).toEqual(
    ends === undefined ? undefined : Array.from({ length: ends }, () => [id * 100, 1]),
  );
});

test('a position of a poll is no place to change hands at', async () => {
  await move({ ...left, poll: { settledId: '1', settledDetailId: null } });
  await expect(exportOffset(hands(), io())).rejects.toMatchObject({ code: 'OFFSETS_REFUSED' });
  const offset = { file: left.file, pos: left.pos };
  await expect(
    importOffset(
      { ...hands(), dryRun: true },
      { connector: 'c', server: cloud.prefix, offset },
      io(),
    ),
  ).rejects.toMatchObject({ code: 'OFFSETS_REFUSED' });
});

const hands = () => ({
  prefix: cloud.prefix,
  cloudSchema: cloud.cloudSchema,
  sessionTimeoutMs: 6000,
});
const io = () => ({
  log: cloud.log,
  logger: createLogger({ level: 'silent' }),
  clock: systemClock,
  signal,
});

async function position(): Promise<PositionRecord> {
  const found = await readPosition(cloud.log, cloud.prefix, cloud.prefix, signal);
  if (!found) throw new Error('no position');
  return found;
}

const move = (to: PositionRecord): Promise<void> => write(encodePosition(cloud.prefix, to));

async function write(record: OutRecord): Promise<void> {
  await using writer = await cloud.log.writer({ transactionalId: `${cloud.prefix}-tail` });
  const transaction = await writer.begin();
  await transaction.append([record]);
  await transaction.commit();
}

const rawCount = async (): Promise<number> =>
  (await cloud.records(changeEvents(cloud.cloudSchema, 'usage_event').topic(cloud.prefix))).length;
