import { expect, test, vi } from 'vitest';
import type { EpochMs } from '../../src/contracts/time.ts';
import type { EventLog, GroupHandler } from '../../src/platform/log/log.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { insertEvent, tailedCloud } from '../support/tailed-cloud.ts';
import type { RunningTail, TailedCloud } from '../support/tailed-cloud.ts';

vi.setConfig({ testTimeout: 60_000 });

const answerMs = 1000;
const through = (cloud: TailedCloud, link: FaultProxy) => ({
  ...cloud.target,
  port: link.port,
  answerMs,
});
const retries = async (tail: RunningTail) =>
  (await tail.metrics.retries.get()).values.map(({ labels }) => labels['code']);
const eventIds = async (cloud: TailedCloud) =>
  (await cloud.feed())
    .flatMap((each) => (each.kind === 'usage-event' ? [Number(each.event.id)] : []))
    .toSorted((a, b) => a - b);
const watermark = (tail: RunningTail): EpochMs => {
  const last = tail.progress.findLast((each) => 'watermarkMs' in each);
  return (last && 'watermarkMs' in last ? last.watermarkMs : null) ?? 0;
};

test.concurrent('a watermark goes on when the clock of the source was asked in vain', async () => {
  await using cloud = await tailedCloud();
  await using link = await FaultProxy.open(cloud.target);
  const tail = cloud.start({ source: through(cloud, link) });
  await insertEvent(cloud.sql, { id: 1 });
  await tail.whenCaughtUp();
  // Changes and heartbeats still come; what is asked does not arrive, and never will.
  link.set({ blackHole: 'requests' });
  await expect.poll(() => retries(tail), { timeout: 20_000 }).toContain('SOURCE_UNREACHABLE');
  const before = watermark(tail);
  link.strand();
  link.set({});
  await tail.when((each) => each.phase === 'stream' && (each.watermarkMs ?? 0) > before);
  await insertEvent(cloud.sql, { id: 2 });
  await tail.whenCaughtUp();
  expect(await eventIds(cloud)).toEqual([1, 2]);
});

test.concurrent('a first snapshot goes on over a new connection when its own died', async () => {
  await using cloud = await tailedCloud();
  const events = 40;
  for (let id = 1; id <= events; id++) await insertEvent(cloud.sql, { id });
  await using link = await FaultProxy.open(cloud.target);
  const source = { ...through(cloud, link), answerMs: answerMs / 4 };
  const tail = cloud.start({ source, snapshotChunkRows: 2 });
  await tail.when((each) => each.phase === 'snapshot' && each.rows >= 4);
  link.strand();
  await tail.whenCaughtUp();
  expect(await retries(tail)).toContain('SOURCE_UNREACHABLE');
  expect(await eventIds(cloud)).toEqual(Array.from({ length: events }, (_, i) => i + 1));
});

test.concurrent('polling goes on over a new connection when its own died', async () => {
  await using cloud = await tailedCloud();
  await using link = await FaultProxy.open(cloud.target);
  const poll = { sourceMode: 'poll', pollMs: 100, raw: false } as const;
  const tail = cloud.start({ source: through(cloud, link), ...poll });
  await tail.when((each) => each.phase === 'stream');
  await insertEvent(cloud.sql, { id: 1 });
  await tail.when((each) => each.phase === 'stream' && each.changes >= 1);
  link.strand();
  await insertEvent(cloud.sql, { id: 2 });
  await expect.poll(() => eventIds(cloud), { timeout: 20_000 }).toEqual([1, 2]);
  expect(await retries(tail)).toContain('SOURCE_UNREACHABLE');
});

test.concurrent('a healing goes on over a new connection when its own died', async () => {
  await using cloud = await tailedCloud();
  const first = cloud.start();
  for (let id = 1; id <= 2; id++) await insertEvent(cloud.sql, { id });
  await first.whenCaughtUp();
  await first.stop();
  const events = 40;
  for (let id = 3; id <= events; id++) await insertEvent(cloud.sql, { id });
  await using link = await FaultProxy.open(cloud.target);
  const source = { ...through(cloud, link), answerMs: answerMs / 4 };
  const poll = { sourceMode: 'poll', pollMs: 100, raw: false, snapshotChunkRows: 2 } as const;
  // The newest that was read is another now: nothing but ids tells where to go on.
  await cloud.sql.query("UPDATE usage_event SET resource_name = 'other' WHERE id = 2");
  const tail = cloud.start({ source, ...poll });
  await tail.when((each) => each.phase === 'heal' && each.rows >= 4);
  link.strand();
  const held = async () => new Set(await eventIds(cloud)).size;
  await expect.poll(held, { timeout: 20_000 }).toBe(events);
  expect(await retries(tail)).toContain('SOURCE_UNREACHABLE');
});

test.concurrent('a turn whose source does not answer ends when the lead is lost', async () => {
  await using cloud = await tailedCloud();
  for (let id = 1; id <= 10; id++) await insertEvent(cloud.sql, { id });
  await using link = await FaultProxy.open(cloud.target);
  const groups: GroupHandler[] = [];
  const told: EventLog = new Proxy(cloud.log, {
    get: (log, name) => {
      if (name === 'join')
        return (options: Parameters<EventLog['join']>[0]) => {
          groups.push(options.handler);
          return log.join(options);
        };
      const value: unknown = Reflect.get(log, name, log);
      return typeof value === 'function' ? (value.bind(log) as unknown) : value;
    },
  });
  const source = { ...through(cloud, link), answerMs: 60_000 };
  const tail = cloud.start({ source, snapshotChunkRows: 2 }, told);
  await tail.when((each) => each.phase === 'snapshot' && each.rows >= 2);
  link.strand();
  // As the group does when it gives the seat to another, and back.
  await groups[0]?.revoked([0]);
  await tail.when((each) => each.phase === 'standby');
  await groups[0]?.assigned([0]);
  await tail.whenCaughtUp();
  expect(await eventIds(cloud)).toEqual(Array.from({ length: 10 }, (_, i) => i + 1));
});
