import { expect, test } from 'vitest';
import { adoptedLayout } from '../../../src/tail/adopted-change.ts';
import type { AdoptedChange } from '../../../src/tail/adopted-change.ts';
import { AdoptWatermark } from '../../../src/tail/adopt-watermark.ts';
import { capturedTable } from '../../../src/tail/captured-tables.ts';

const layout = adoptedLayout('cloud', capturedTable('account')!);
const at = (commitMs: number, processedMs: number, more: Partial<AdoptedChange> = {}) => ({
  ...{ db: 'cloud', table: 'account', op: 'c' as const, before: null, after: {}, layout },
  ...{
    position: { gtid: null, file: 'b', pos: 4, row: 0 },
    serverId: 1,
    snapshot: 'false' as const,
  },
  ...{ commitMs, eventMs: commitMs, processedMs },
  ...more,
});
const read = { op: 'r' as const, snapshot: 'true' as const };
const maxLagMs = 60_000;

test.each([
  { seen: [], settled: 500_000, expected: null, why: 'a heartbeat alone says nothing' },
  {
    seen: [at(100_000, 101_000)],
    settled: 102_000,
    expected: 100_000,
    why: 'a change says its own time',
  },
  {
    seen: [at(100_000, 101_000)],
    settled: 500_000,
    expected: 440_000,
    why: 'heartbeats of a connector that was not behind count less the lag',
  },
  {
    seen: [at(100_000, 300_000)],
    settled: 500_000,
    expected: 100_000,
    why: 'heartbeats of a connector that was behind do not count',
  },
  {
    seen: [at(900_000, 101_000)],
    settled: 102_000,
    expected: 101_000,
    why: 'a change is never later than it was processed',
  },
  {
    seen: [at(100_000, 101_000, read)],
    settled: 500_000,
    expected: null,
    why: 'nothing is said within a snapshot',
  },
  {
    seen: [at(100_000, 101_000, { ...read, snapshot: 'last' })],
    settled: 102_000,
    expected: 100_000,
    why: 'the end of a snapshot says the time it was taken',
  },
  {
    seen: [at(100_000, 101_000, read), at(100_500, 101_000)],
    settled: 102_000,
    expected: 100_500,
    why: 'a change after a snapshot says that it has ended',
  },
])('$why', ({ seen, settled, expected }) => {
  const mark = new AdoptWatermark(maxLagMs, { inSnapshot: false, lagMs: null });
  for (const change of seen) mark.saw(change);
  expect(mark.settled(settled)).toBe(expected);
});

test('what is kept with the position is enough to go on', () => {
  const first = new AdoptWatermark(maxLagMs, { inSnapshot: false, lagMs: null });
  first.saw(at(100_000, 101_000));
  expect(new AdoptWatermark(maxLagMs, first.known).settled(500_000)).toBe(440_000);
  first.settled(102_000);
  first.saw(at(100_000, 101_000, read));
  expect(new AdoptWatermark(maxLagMs, first.known).settled(500_000)).toBeNull();
});
