import { describe, expect, test } from 'vitest';
import { plan, planEvents } from '../../../src/simulate/plan.ts';
import type { PlanOptions } from '../../../src/simulate/plan.ts';
import type { Statement } from '../../../src/simulate/statement.ts';

const options: PlanOptions = {
  seed: 11,
  startMs: Date.parse('2026-06-01T00:00:00Z'),
  days: 3,
  zones: 2,
  accounts: 5,
  vms: 120,
};
const all = [...plan(options)];
const events = all.flatMap((s) => (s.kind === 'event' ? [s] : []));
const details = all.flatMap((s) => (s.kind === 'detail' ? [s] : []));
const pairs = (list: readonly Statement[]) =>
  list.slice(1).map((next, i) => [list[i]!, next] as const);

test('a plan is a function of its seed', () => {
  expect([...plan(options)]).toEqual(all);
  expect([...plan({ ...options, seed: 12 })]).not.toEqual(all);
});

describe('a history is as a binlog would have it', () => {
  test('commits never go back', () => {
    expect(pairs(all).filter(([a, b]) => b.commitMs < a.commitMs)).toEqual([]);
  });

  test('nothing commits before its event time, nor five minutes after it', () => {
    const lags = events.map((s) => s.commitMs - s.event.createdMs);
    expect(Math.min(...lags)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...lags)).toBeLessThan(300_000);
    expect(lags.filter((lag) => lag > 60_000).length).toBeGreaterThan(10);
  });

  test('ids are unique, and some commit out of order', () => {
    const ids = events.map((s) => Number(s.event.id));
    expect(new Set(ids).size).toBe(ids.length);
    const sorted = ids.toSorted((a, b) => a - b);
    expect(ids).not.toEqual(sorted);
  });

  test('statements of a transaction follow one another', () => {
    const starts = pairs(all).filter(([a, b]) => a.tx !== b.tx).length + 1;
    expect(new Set(all.map((s) => s.tx)).size).toBe(starts);
    expect(starts).toBeLessThan(all.length);
  });

  test('a detail commits by itself, after its event', () => {
    const committed = new Set<string>();
    const orphans = all.filter((s) => {
      if (s.kind === 'event') committed.add(s.event.id);
      return s.kind === 'detail' && !committed.has(s.detail.eventId);
    });
    expect(orphans).toEqual([]);
    const eventTx = new Set(events.map((s) => s.tx));
    expect(details.filter((s) => eventTx.has(s.tx))).toEqual([]);
    expect(details.map((s) => s.detail.name)).toEqual(
      expect.arrayContaining(['cpuNumber', 'cpuSpeed', 'memory', 'hidden']),
    );
  });
});

test('every event of the hour types that the cloud bills is there', () => {
  const types = new Set(events.map((s) => s.event.type));
  expect([...types].toSorted()).toEqual(
    (
      'VM.CREATE VM.START VM.STOP VM.DESTROY VM.UPGRADE VM.DYNAMIC.SCALE NET.IPASSIGN NET.IPRELEASE ' +
      'NETWORK.OFFERING.ASSIGN NETWORK.OFFERING.REMOVE ' +
      'VOLUME.CREATE VOLUME.RESIZE VOLUME.ATTACH VOLUME.DETACH VOLUME.DELETE'
    )
      .split(' ')
      .toSorted(),
  );
});

test('on request the other types are there too, and totals each hour', () => {
  const everything = [...plan({ ...options, everything: true })];
  const types = new Set(everything.flatMap((s) => (s.kind === 'event' ? [s.event.type] : [])));
  expect(types.size).toBe(46);
  const tables = new Set(
    everything.flatMap((s) => (s.kind === 'counter' ? [s.counter.table] : [])),
  );
  expect([...tables].toSorted()).toEqual(['user_statistics', 'vm_disk_statistics']);
});

test('five accounts and two zones are there before what happens in them', () => {
  const known = new Set<string>();
  const strangers = all.filter((s) => {
    if (s.kind === 'account') known.add(s.account.id);
    return s.kind === 'event' && !known.has(s.event.accountId);
  });
  expect(strangers).toEqual([]);
  expect(known.size).toBe(5);
  const zones = new Set(events.map((s) => s.event.zoneId));
  expect([...zones].toSorted()).toEqual(['0', '1', '2']);
});

test.each([1, 777, 30_000])('a target of %d events is met exactly', (eventsTarget) => {
  const planned = [...plan({ ...options, eventsTarget })];
  expect(planned.filter((s) => s.kind === 'event')).toHaveLength(eventsTarget);
});

test('a base moves every id, so that two plans do not meet', () => {
  const ids = (list: readonly Statement[]) =>
    list.flatMap((s) => (s.kind === 'event' ? [s.event.id] : []));
  const moved = ids([...plan({ ...options, idBase: 5_000_000 })]);
  expect(moved.map((id) => Number(id) - 5_000_000)).toEqual(ids(all).map(Number));
});

test('the events for a fold are those of the plan, with their details', () => {
  const folded = [...planEvents(options)];
  expect(folded.map((e) => e.id)).toEqual(events.map((s) => s.event.id));
  expect(folded.flatMap((e) => e.details)).toHaveLength(details.length);
});
