import { fc } from '../../support/fast-check.ts';
import { expect, test } from 'vitest';
import { compareBinlogPoints } from '../../../src/tail/binlog-point.ts';
import { committed, passed, raised, sampled, startWatermark } from '../../../src/tail/watermark.ts';

const at = (pos: number, file = 'bin.000001') => ({ file, pos });

test('wall: the clock counts once the end that was read after it has been passed', () => {
  const asked = sampled(startWatermark('wall', null), { clockMs: 1000, end: at(50) });
  expect(passed(asked, at(49)).atMs).toBeNull();
  expect(passed(asked, at(50)).atMs).toBe(1000);
  expect(passed(asked, at(4, 'bin.000002')).atMs).toBe(1000);
});

test('wall: commit times say nothing, because a session can set its own', () => {
  expect(committed(startWatermark('wall', 5), 1_000_000).atMs).toBe(5);
});

test('source: the highest commit time so far', () => {
  const mark = [300, 100, 200].reduce(committed, startWatermark('source', 150));
  expect(mark.atMs).toBe(300);
});

test('source: samples of the clock say nothing', () => {
  expect(passed(sampled(startWatermark('source', 1), { clockMs: 9, end: at(1) }), at(2)).atMs).toBe(
    1,
  );
});

test('whatever comes in whatever order, it never goes back', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('commit' as const), ms: fc.nat() }),
    fc.record({ kind: fc.constant('sample' as const), ms: fc.nat(), pos: fc.nat(100) }),
    fc.record({ kind: fc.constant('pass' as const), pos: fc.nat(100) }),
    fc.record({ kind: fc.constant('raise' as const), ms: fc.nat() }),
  );
  fc.assert(
    fc.property(fc.constantFrom('wall', 'source'), fc.array(step), (clock, steps) => {
      let mark = startWatermark(clock, null);
      for (const each of steps) {
        const before = mark.atMs;
        if (each.kind === 'commit') mark = committed(mark, each.ms);
        if (each.kind === 'sample') mark = sampled(mark, { clockMs: each.ms, end: at(each.pos) });
        if (each.kind === 'pass') mark = passed(mark, at(each.pos));
        if (each.kind === 'raise') mark = raised(mark, each.ms);
        if (before !== null) expect(mark.atMs).toBeGreaterThanOrEqual(before);
      }
    }),
  );
});

test('files are ordered by number: 1000000 comes after 999999', () => {
  expect(compareBinlogPoints(at(9, 'bin.999999'), at(4, 'bin.1000000'))).toBeLessThan(0);
  expect(compareBinlogPoints(at(9, 'bin.000010'), at(4, 'bin.000009'))).toBeGreaterThan(0);
  expect(compareBinlogPoints(at(9), at(9))).toBe(0);
});
