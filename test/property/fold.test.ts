import { fc } from '../support/fast-check.ts';
import { expect, test } from 'vitest';
import type { AccountFacts, Anomaly, FoldEvent } from '../../src/contracts/fold.ts';
import { u64 } from '../../src/contracts/ids.ts';
import type { EventId } from '../../src/contracts/ids.ts';
import type { LineageInterval, UsageRow } from '../../src/contracts/usage-row.ts';
import { decodeState, emptyState, encodeState } from '../../src/domain/account-state.ts';
import { fold } from '../../src/domain/fold.ts';
import type { FoldOutput } from '../../src/domain/fold.ts';
import { presets, quirkSet } from '../../src/domain/quirks.ts';
import type { Preset } from '../../src/domain/quirks.ts';
import { anyEvents } from '../support/arbitrary-events.ts';
import { anyFacts } from '../support/arbitrary-facts.ts';
import type { FactsAt } from '../support/arbitrary-facts.ts';
import { account, dayMs, delayMs, hour } from '../support/fold-story.ts';

const days = 3;
const untilMs = days * dayMs;
/** The life of an account: its events, and what else is known of it at any time. */
interface Past {
  readonly events: readonly FoldEvent[];
  readonly factsAt: FactsAt;
}
const past = fc.record({ events: anyEvents(untilMs), factsAt: anyFacts(untilMs) });
const anyPreset = fc.constantFrom(...presets);
const daily = [dayMs, 2 * dayMs, untilMs];
/** Ends of windows of any length that cover the three days. */
const anyEnds = fc
  .uniqueArray(fc.integer({ min: 1, max: days * 48 - 1 }), { maxLength: 12 })
  .map((halfHours) => [...halfHours.toSorted((a, b) => a - b).map((n) => (n * hour) / 2), untilMs]);
const law = { numRuns: 1000 };

test('the order in which events are given never changes a row, the state or a finding', () => {
  const shuffled = past.chain((one) =>
    fc.tuple(fc.constant(one), fc.shuffledSubarray(one.events, { minLength: one.events.length })),
  );
  const reversed = (facts: AccountFacts): AccountFacts => ({
    account: facts.account,
    counters: facts.counters.toReversed(),
    templates: facts.templates.toReversed(),
    buckets: facts.buckets.toReversed(),
  });
  fc.assert(
    fc.property(shuffled, anyPreset, anyEnds, ([one, events], preset, ends) => {
      const other = { events, factsAt: (runMs: number) => reversed(one.factsAt(runMs)) };
      expect(foldAll(other, preset, ends)).toEqual(foldAll(one, preset, ends));
    }),
    law,
  );
});

test('a state that was written and read again folds on as if it had not been', () => {
  fc.assert(
    fc.property(past, anyPreset, anyEnds, (one, preset, ends) => {
      const through = foldAll(one, preset, ends, (state) => decodeState(encodeState(state)));
      expect(through).toEqual(foldAll(one, preset, ends));
    }),
    law,
  );
});

test('in correct, however the time is cut into windows, each millisecond is billed once', () => {
  fc.assert(
    fc.property(past, anyEnds, (one, ends) => {
      const whole = totals(foldAll(one, 'correct', [untilMs]));
      expect(totals(foldAll(one, 'correct', ends))).toEqual(whole);
    }),
    law,
  );
});

test('in correct, an interval is billed from the event that opens it to the one that closes it, without a gap', () => {
  let closed = 0;
  fc.assert(
    fc.property(past, anyEnds, (one, ends) => {
      const createdMs = new Map(one.events.map((event) => [event.id, event.createdMs]));
      for (const pieces of piecesOf(foldAll(one, 'correct', ends))) {
        const [first, last] = [pieces[0], pieces.at(-1)];
        expect(first?.beginMs).toBe(createdMs.get(first?.openedBy ?? u64(0)));
        for (const [at, piece] of pieces.entries()) {
          expect(piece.billedMs).toBe(piece.endMs - piece.beginMs);
          if (piece === last) break;
          expect(pieces[at + 1]?.beginMs).toBe(piece.endMs);
          expect(ends).toContain(piece.endMs);
        }
        if (last?.closedBy == null) continue;
        closed++;
        expect(last.endMs).toBe(createdMs.get(last.closedBy));
      }
    }),
    law,
  );
  expect(closed).toBeGreaterThan(1000);
});

test('in correct, running time is what a naive second hand counts', () => {
  fc.assert(
    fc.property(past, anyEnds, (one, ends) => {
      const rows = foldAll(one, 'correct', ends).flatMap((output) => output.rows);
      const ours = new Map<string, number>();
      for (const row of rows)
        if (row.usageType === 1)
          ours.set(row.usageId ?? '', (ours.get(row.usageId ?? '') ?? 0) + Number(row.quantity));
      expect(ours).toEqual(secondHand(one.events));
    }),
    law,
  );
});

const isRefusal = ({ code }: Anomaly): boolean => code === 'EVENT_REFUSED';

test('an event that is refused has no part in anything else', () => {
  const withBad = fc.tuple(
    past,
    fc.array(fc.tuple(fc.nat(60), fc.nat(days * 48 - 1)), { maxLength: 8 }),
  );
  fc.assert(
    fc.property(withBad, anyPreset, ([one, bad], preset) => {
      const { events: list } = one;
      const [sample] = list;
      if (sample === undefined) return;
      const refused = bad.map(([at, halfHour], n): FoldEvent => {
        const like = list[at % list.length] ?? sample;
        // Odd ids, between those of the good events.
        const id = u64<EventId>(Number(like.id) * 2 + 1 + n * 1000);
        const createdMs = (halfHour * hour) / 2;
        return { ...like, id, createdMs, type: 'VM.START', offeringId: null };
      });
      const outputs = foldAll({ ...one, events: [...list, ...refused] }, preset, daily);
      expect(outputs.flatMap((output) => output.refused).length).toBe(refused.length);
      const without = foldAll(one, preset, daily);
      const told = outputs.flatMap(({ anomalies }) => anomalies).filter(isRefusal);
      expect(told).toHaveLength(refused.length);
      const rest = outputs.map((output) => ({
        ...output,
        refused: [],
        anomalies: output.anomalies.filter((anomaly) => !isRefusal(anomaly)),
      }));
      expect(rest).toEqual(without);
    }),
    law,
  );
});

test('a row is the sum of its intervals, within the window, and has an identity of its own', () => {
  fc.assert(
    fc.property(past, anyPreset, anyEnds, (one, preset, ends) => {
      const outputs = foldAll(one, preset, ends);
      for (const [at, { rows }] of outputs.entries()) {
        const [startMs, endMs] = [ends[at - 1] ?? 0, ends[at] ?? 0];
        expect(new Set(rows.map(({ usageType, key }) => `${usageType} ${key}`)).size).toBe(
          rows.length,
        );
        for (const { lineage, quantity, usageType } of rows) {
          if (isMeasured(usageType)) continue;
          expect(lineage.reduce((sum, part) => sum + part.billedMs, 0)).toBe(Number(quantity));
          for (const part of lineage) {
            expect(part.billedMs).toBeGreaterThan(0);
            expect(part.beginMs).toBeGreaterThanOrEqual(startMs);
            expect(part.endMs).toBeLessThanOrEqual(endMs);
          }
        }
      }
    }),
    law,
  );
});

test('a state does not grow with history: after a quiet window it holds open intervals only', () => {
  fc.assert(
    fc.property(past, anyPreset, (one, preset) => {
      const last = foldAll(one, preset, [...daily, untilMs + dayMs]).at(-1);
      const rows = Object.values(last?.state.intervals ?? {}).flat();
      expect(rows.every(({ endMs }) => endMs === null)).toBe(true);
    }),
    law,
  );
});

function foldAll(
  { events, factsAt }: Past,
  preset: Preset,
  ends: readonly number[],
  between = (state: FoldOutput['state']) => state,
): FoldOutput[] {
  const outputs: FoldOutput[] = [];
  let state = emptyState(account);
  let startMs = 0;
  for (const endMs of ends) {
    const from = startMs;
    const runMs = endMs + delayMs;
    const output = fold({
      state,
      window: { startMs, endMs, runMs },
      events: events.filter(({ createdMs }) => createdMs >= from && createdMs < endMs),
      facts: factsAt(runMs),
      quirks: quirkSet(preset),
      settings: { snapshotVirtualSize: false },
    });
    outputs.push(output);
    state = between(output.state);
    startMs = endMs;
  }
  return outputs;
}

/** Types of totals, which are no time. */
const isMeasured = (usageType: number): boolean => [4, 5, 21, 22, 23, 24, 29].includes(usageType);

/** What each interval bills, window after window. */
function piecesOf(outputs: readonly FoldOutput[]): LineageInterval[][] {
  const pieces = new Map<string, LineageInterval[]>();
  for (const { usageType, key, lineage } of outputs.flatMap(({ rows }) => rows))
    for (const piece of lineage) {
      const name = `${usageType} ${key} ${piece.openedBy}`;
      pieces.set(name, [...(pieces.get(name) ?? []), piece]);
    }
  return [...pieces.values()];
}

/** Milliseconds by type and key over all windows. */
function totals(outputs: readonly FoldOutput[]): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  const add = ({ usageType, key, quantity }: UsageRow) => {
    if (isMeasured(usageType)) return;
    const name = `${usageType} ${key}`;
    sums.set(name, (sums.get(name) ?? 0) + Number(quantity));
  };
  for (const { rows } of outputs) rows.forEach(add);
  return sums;
}

/** Walks the events of each VM in order and adds up the time in which it runs. */
function secondHand(list: readonly FoldEvent[]): ReadonlyMap<string, number> {
  const ran = new Map<string, number>();
  const since = new Map<string, number>();
  const ordered = list.toSorted((a, b) => a.createdMs - b.createdMs || Number(a.id) - Number(b.id));
  const stop = (vm: string, at: number) => {
    const begin = since.get(vm);
    if (begin !== undefined && at > begin) ran.set(vm, (ran.get(vm) ?? 0) + at - begin);
    since.delete(vm);
  };
  for (const { type, resourceId, createdMs } of ordered) {
    const vm = resourceId ?? '0';
    if (type !== 'VM.START' && type !== 'VM.DYNAMIC.SCALE' && type !== 'VM.STOP') continue;
    stop(vm, createdMs);
    if (type !== 'VM.STOP') since.set(vm, createdMs);
  }
  for (const vm of since.keys()) stop(vm, untilMs);
  return ran;
}
