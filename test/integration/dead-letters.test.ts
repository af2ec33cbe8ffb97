import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { runAggregate } from '../../src/aggregate/aggregate.ts';
import type { AggregateIo } from '../../src/aggregate/aggregate.ts';
import { resetGeneration } from '../../src/aggregate/reset-generation.ts';
import { fold } from '../../src/domain/fold.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { openKafkaLog } from '../../src/platform/log/kafka.ts';
import type { EventLog } from '../../src/platform/log/log.ts';
import { deadLetters, usageFeed } from '../../streams/index.ts';
import {
  account,
  event,
  hour,
  logRecord,
  minute,
  start,
  volume,
  watermark,
} from '../support/aggregate-feed.ts';
import type { Draft } from '../support/aggregate-feed.ts';
import { grantedUser } from '../support/granted-user.ts';
import { scratchFolder } from '../support/scratch-folder.ts';
import { servers } from '../support/servers.ts';
import { repositoryRoot } from '../support/sources.ts';
import { AggregateStore, rules } from './aggregate-fixture.ts';

/** Each step is a process, or a membership of a group. */
vi.setConfig({ testTimeout: 60_000 });

let store: AggregateStore;
let log: EventLog;
let prefix: string;
/** Address of another user than root, for the commands. */
let as: string | null;

beforeEach(async () => {
  as = null;
  store = await AggregateStore.create();
  prefix = store.schema.replace('_', '');
  const brokers = servers().kafkaBrokers;
  log = await openKafkaLog({ brokers, clientId: prefix, logger: store.logger });
  await log.ensureTopics(prefix, [usageFeed], 1);
});

afterEach(async () => {
  await log.deleteTopics([usageFeed.topic(prefix)]);
  await log[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
});

async function append(...drafts: readonly (Draft | Buffer)[]): Promise<void> {
  await using writer = await log.writer({ transactionalId: `${prefix}-test` });
  const transaction = await writer.begin();
  await transaction.append(
    drafts.map((draft) => {
      const { key, value } = logRecord(0, draft);
      return { topic: usageFeed.topic(prefix), partition: 0, key, value };
    }),
  );
  await transaction.commit();
}

/** Closes the windows up to so many hours after the start. */
async function closeUntil(hours: number, io: Partial<AggregateIo> = {}): Promise<void> {
  const untilMs = start + hours * hour;
  await append(watermark(untilMs + 15 * minute));
  await runAggregate(
    {
      ...rules,
      schema: store.schema,
      generation: 'main',
      prefix,
      feedPartitions: 1,
      preset: 'correct',
      quirkOverrides: {},
      sessionTimeoutMs: 6000,
      untilMs,
    },
    {
      log,
      store: store.target,
      logger: store.logger,
      metrics: store.metrics,
      clock: systemClock,
      signal: new AbortController().signal,
      ...io,
    },
  );
}

/** Runs `usagestream dead-letters …`; its JSON lines. */
async function letters(...args: readonly string[]): Promise<Record<string, unknown>[]> {
  const { mariadbUrl, kafkaBrokers } = servers();
  const main = join(repositoryRoot, 'src/cli/main.ts');
  const own = ['--prefix', prefix, '--schema', store.schema, '--log-level', 'silent', '--json'];
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [main, 'dead-letters', ...args, ...own],
    {
      env: {
        ...process.env,
        USAGESTREAM_SINK: as ?? mariadbUrl,
        USAGESTREAM_LOG: `kafka://${kafkaBrokers.join(',')}`,
      },
    },
  );
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

const create = (id: number, columns: Record<string, unknown> = {}) =>
  event(id, 'VOLUME.CREATE', '1', start + minute, null, { ...volume, resourceId: '8', ...columns });

/** Hour and milliseconds of each row. */
async function billed(): Promise<string[]> {
  const rows = await store.rows<{ window_start_ms: string; quantity: string }>(
    'record',
    'ORDER BY window_start_ms, account_id, record_id',
  );
  return rows.map((row) => `${(Number(row.window_start_ms) - start) / hour}: ${row.quantity}`);
}

test('a refused event is listed, shown, corrected and replayed, and a second replay changes nothing', async () => {
  await append(account('1'), create(7, { size: null }), Buffer.from('{'));
  await closeUntil(1);
  expect(await billed()).toEqual([]);
  const listed = await letters('list');
  expect(listed).toMatchObject([
    { reason: 'MALFORMED', accountId: null, place: `${prefix}.usage-feed/0/2`, replayed: null },
    { reason: 'MISSING_VALUE', accountId: '1', place: `${prefix}.usage-feed/0/1` },
  ]);
  const id = String(listed[1]?.['id']);
  expect(await letters('list', '--reason', 'MISSING_VALUE', '--account', '1')).toHaveLength(1);
  expect(await letters('list', '--limit', '1', '--after', String(listed[0]?.['id']))).toEqual([
    listed[1],
  ]);
  expect(await letters('list', '--before', '2020-01-01T00:00:00Z')).toEqual([]);
  expect(await letters('show', id)).toMatchObject([
    { facts: { column: 'size', eventId: '7' }, record: create(7, { size: null }).json },
  ]);
  await expect(letters('replay', String(listed[0]?.['id']))).rejects.toThrow(/CONFIG_INVALID/);

  using folder = scratchFolder();
  const file = join(folder.path, 'record.json');
  writeFileSync(file, JSON.stringify(create(7).json));
  const before = await log.offsets(usageFeed.topic(prefix));
  expect(await letters('replay', id, '--value', file, '--dry-run')).toMatchObject([
    { id, dryRun: true },
  ]);
  expect(await log.offsets(usageFeed.topic(prefix))).toEqual(before);
  await letters('replay', id, '--value', file);
  expect(await letters('list', '--reason', 'MISSING_VALUE')).toMatchObject([
    { replayed: { what: 'feed record at the end of partition 0' } },
  ]);
  await closeUntil(3);
  // The hour after the replay, and in it, as a correction, what the hour before it had missed.
  const rows = ['1: 3540000', '1: 3600000', '2: 3600000'];
  expect((await billed()).filter((row) => !row.startsWith('0:')).toSorted()).toEqual(rows);
  const once = await billed();

  // Marked, so it is left out; forced, its identity absorbs it.
  await letters('replay', id, '--value', file);
  await letters('replay', id, '--value', file, '--again');
  await closeUntil(4);
  expect((await billed()).filter((row) => !row.startsWith('3:'))).toEqual(once);
  expect(await store.count('event')).toBe(1);
  expect(await store.count('dead_letter')).toBe(2);

  // A fold from the first record comes to the same.
  const [generation] = await store.rows<{ id: string }>('generation');
  await resetGeneration(store.pool, store.schema, Number(generation?.id));
  await closeUntil(4);
  expect((await billed()).filter((row) => !row.startsWith('3:'))).toEqual(once);
});

test('an event that came before its account is billed once it is replayed', async () => {
  await using user = await grantedUser('operator', { schema: store.schema });
  as = user.url;
  await append(create(7));
  await closeUntil(1);
  const [letter] = await letters('list');
  expect(letter).toMatchObject({ reason: 'UNKNOWN_ACCOUNT', accountId: '1' });
  await append(account('1'));
  await letters('replay', String(letter?.['id']));
  await closeUntil(2);
  expect((await billed()).toSorted()).toEqual(['1: 3540000', '1: 3600000']);
});

test('an account whose fold threw is folded in order once it is replayed, as if it never had', async () => {
  const second = event(2, 'VOLUME.CREATE', '2', start, null, { ...volume, resourceId: '9' });
  const gone = event(3, 'VOLUME.DELETE', '1', start + 3 * hour, null, { resourceId: '8' });
  await append(account('1'), account('2'), create(1), second, gone);
  await closeUntil(1);
  const broken: typeof fold = (input) => {
    if (input.state.accountId === '1') throw new Error('a bug');
    return fold(input);
  };
  await closeUntil(3, { fold: broken });
  const late = event(4, 'VOLUME.RESIZE', '1', start + 2 * hour, null, {
    resourceId: '8',
    size: '2',
  });
  await append(late);
  await closeUntil(5, { fold: broken });
  const ofFirst = () => store.count('record', 'account_id=1');
  expect(await ofFirst()).toBe(1);
  expect(await store.count('record', 'account_id=2')).toBe(5);
  const [letter] = await letters('list', '--reason', 'FOLD_BUG');
  expect(letter).toMatchObject({ accountId: '1' });
  expect(await letters('replay', String(letter?.['id']))).toMatchObject([
    { does: 'account 1: the windows that wait are folded' },
  ]);
  await closeUntil(6);
  const rows = await store.rows<{ window_start_ms: string; quantity: string; size: string }>(
    'record',
    'WHERE account_id=1 ORDER BY window_start_ms',
  );
  expect(
    rows.map((row) => [(Number(row.window_start_ms) - start) / hour, row.quantity, row.size]),
  ).toEqual([
    [0, String(59 * minute), '1073741824'],
    [1, String(hour), '1073741824'],
    // Its size was wrong until the late event: what that missed is billed by the next close.
    [2, String(hour), '1073741824'],
    [3, String(hour), '2'],
  ]);
  const corrections = await store.rows<{ delta: string }>('correction', 'ORDER BY delta');
  expect(corrections.map(({ delta }) => delta)).toEqual([String(-hour), String(hour)]);
  expect(await store.count('account_state', 'incomplete_from_ms IS NOT NULL')).toBe(0);
  expect(await store.count('account_repair')).toBe(0);
  const repaired = await store.rows<{ window_start_ms: string }>('repaired_window');
  expect(repaired.map((row) => (Number(row.window_start_ms) - start) / hour)).toEqual([1, 2, 3, 4]);
  expect(await store.count('record', 'account_id=2')).toBe(6);
});

test('an account that cannot be folded even now waits on, from where it came to', async () => {
  await using user = await grantedUser('operator', { schema: store.schema });
  as = user.url;
  await append(account('1'), create(1));
  const throwsAt =
    (hours: number): typeof fold =>
    (input) => {
      if (input.window.startMs === start + hours * hour) throw new Error('a bug');
      return fold(input);
    };
  await closeUntil(3, { fold: throwsAt(0) });
  const [letter] = await letters('list');
  await letters('replay', String(letter?.['id']));
  await closeUntil(4, { fold: throwsAt(2) });
  expect(await billed()).toEqual([`0: ${59 * minute}`, `1: ${hour}`]);
  const [first, second, ...others] = await letters('list');
  expect(others).toEqual([]);
  expect(first).toMatchObject({ reason: 'FOLD_BUG', replayed: {} });
  expect(second).toMatchObject({ facts: { windowStartMs: start + 2 * hour }, replayed: null });
  await letters('replay', String(second?.['id']));
  await closeUntil(5);
  expect(await billed()).toHaveLength(5);
});

test('a change that never got into the feed is replayed as the tail would have routed it', async () => {
  await log.ensureTopics(prefix, [deadLetters], 1);
  const head = { v: 1, stage: 'tail', accountId: '1', recordedAt: '2026-03-01 00:00:00' };
  const origin = { incarnation: 0, gtid: null, file: 'binlog.1', pos: 4, row: 0, commitMs: start };
  const after = {
    ...{ id: '7', type: 'VOLUME.CREATE', account_id: '1', created: '0000-00-00 00:00:00' },
    ...{ zone_id: '1', resource_id: '8', offering_id: '5', template_id: '0', size: '1024' },
  };
  const record = { db: 'cloud', table: 'usage_event', op: 'c', before: null, after };
  const facts = { column: 'created' };
  const letter = { ...head, reason: 'INVALID_VALUE', facts, origin, record };
  const topic = deadLetters.topic(prefix);
  await using writer = await log.writer({ transactionalId: `${prefix}-test` });
  const transaction = await writer.begin();
  await transaction.append([
    { topic, partition: 0, key: 'binlog.1/4/0', value: JSON.stringify(letter) },
  ]);
  await transaction.commit();
  await append(account('1'));
  await closeUntil(1);

  const listed = await letters('list', '--account', '1');
  expect(listed).toMatchObject([{ id: 'tail-0', stage: 'tail', place: 'binlog.1/4/0' }]);
  expect(await letters('show', 'tail-0')).toMatchObject([{ record: { after } }]);
  await expect(letters('replay', 'tail-0')).rejects.toThrow(/INVALID_VALUE/);
  using folder = scratchFolder();
  const file = join(folder.path, 'columns.json');
  writeFileSync(file, JSON.stringify({ created: '2026-03-01 00:01:00' }));
  await letters('replay', 'tail-0', '--partitions', '1', '--value', file);
  await closeUntil(2);
  expect((await billed()).toSorted()).toEqual(['1: 3540000', '1: 3600000']);
  expect(await letters('list')).toMatchObject([{ id: 'tail-0', replayed: {} }]);
  await log.deleteTopics([topic]);
});
