import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { FaultProxy } from '../support/fault-proxy.ts';
import { insertEvent, tailedCloud } from '../support/tailed-cloud.ts';
import type { TailedCloud } from '../support/tailed-cloud.ts';

vi.setConfig({ testTimeout: 60_000 });

const events = 30;

const eventIds = async (cloud: TailedCloud) =>
  (await cloud.feed()).flatMap((each) => (each.kind === 'usage-event' ? [each.event.id] : []));

test.concurrent.each([
  { why: 'that is reset', harm: (link: FaultProxy) => link.reset() },
  { why: 'whose end comes from the source', harm: (link: FaultProxy) => link.halfClose('server') },
  { why: 'whose end comes from us', harm: (link: FaultProxy) => link.halfClose('client') },
  {
    why: 'that passes seven bytes at a time',
    harm: (link: FaultProxy) => link.set({ sliceBytes: 7 }),
  },
  {
    why: 'that is slow',
    harm: (link: FaultProxy) => link.set({ latencyMs: 40, bytesPerSecond: 50_000 }),
  },
  {
    why: 'that swallows everything for longer than heartbeats may be missing',
    harm: (link: FaultProxy) => link.set({ blackHole: true }),
    lastsMs: 1500,
  },
  {
    why: 'that cannot be made for a while',
    harm: (link: FaultProxy) => (link.set({ refuse: true }), link.reset()),
  },
])('a link $why: every change comes once', async ({ harm, lastsMs = 300 }) => {
  await using cloud = await tailedCloud();
  await using link = await FaultProxy.open(cloud.target);
  const source = { ...cloud.target, port: link.port };
  const tail = cloud.start({ source, heartbeatMs: 200 });
  await tail.whenCaughtUp();
  for (let id = 1; id <= events; id++) {
    await insertEvent(cloud.sql, { id });
    if (id !== 10) continue;
    harm(link);
    await sleep(lastsMs);
    link.set({});
  }
  await tail.whenCaughtUp();
  await tail.stop();
  const ids = (await eventIds(cloud)).map(Number).toSorted((a, b) => a - b);
  expect(ids).toEqual(Array.from({ length: events }, (_, i) => i + 1));
  expect(await cloud.raw('usage_event')).toHaveLength(events);
});

test('an event that takes longer to come than heartbeats may be missing is waited for', async () => {
  await using cloud = await tailedCloud();
  await using link = await FaultProxy.open(cloud.target);
  const source = { ...cloud.target, port: link.port };
  const tail = cloud.start({ source, heartbeatMs: 600 });
  await tail.whenCaughtUp();
  await cloud.sql.query('CREATE TABLE other (content LONGTEXT)');
  link.set({ bytesPerSecond: 150_000 });
  await cloud.sql.query("INSERT INTO other VALUES (REPEAT('x', 300000))");
  await insertEvent(cloud.sql, { id: 1 });
  await tail.when((each) => each.phase === 'stream' && each.changes === 1);
  const { values } = await tail.metrics.retries.get();
  expect(values).toEqual([]);
  await tail.stop();
  expect(await eventIds(cloud)).toEqual(['1']);
});

test('a source that falls silent is noticed by its heartbeat and left', async () => {
  await using cloud = await tailedCloud();
  await using link = await FaultProxy.open(cloud.target);
  const tail = cloud.start({ source: { ...cloud.target, port: link.port }, heartbeatMs: 200 });
  await tail.whenCaughtUp();
  const before = link.connections;
  expect(before).toBeGreaterThan(0);
  // Nothing is written: only the heartbeats are missing.
  link.set({ blackHole: true });
  await expect
    .poll(async () => (await tail.metrics.retries.get()).values, { timeout: 20_000 })
    .toContainEqual(
      expect.objectContaining({ labels: { room: 'tail', code: 'SOURCE_UNREACHABLE' } }),
    );
  link.set({});
  await insertEvent(cloud.sql, { id: 1 });
  await tail.whenCaughtUp();
  await tail.stop();
  expect(await eventIds(cloud)).toEqual(['1']);
});

test('a question to the source that is never answered is given up, and asked anew', async () => {
  await using cloud = await tailedCloud();
  await using link = await FaultProxy.open(cloud.target);
  await insertEvent(cloud.sql, { id: 1 });
  const first = cloud.start();
  await first.whenCaughtUp();
  await first.stop();
  // It has not seen the event, and has to ask whose it is.
  const source = { ...cloud.target, port: link.port, answerMs: 1500 };
  const tail = cloud.start({ source });
  await tail.whenCaughtUp();
  // Heartbeats and changes come; what we ask does not arrive.
  link.set({ blackHole: 'requests' });
  await cloud.sql.query(
    "INSERT INTO usage_event_details (usage_event_id, name, value) VALUES (1, 'memory', '512')",
  );
  await expect
    .poll(async () => (await tail.metrics.retries.get()).values, { timeout: 20_000 })
    .toContainEqual(
      expect.objectContaining({ labels: { room: 'tail', code: 'SOURCE_UNREACHABLE' } }),
    );
  link.set({});
  await tail.whenCaughtUp();
  await tail.stop();
  const details = (await cloud.feed()).filter(({ kind }) => kind === 'event-detail');
  expect(details).toHaveLength(1);
});
