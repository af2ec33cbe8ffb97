import { beforeAll, describe, expect, test } from 'vitest';
import { countLines } from '../../golden/counts.ts';
import type { Difference } from '../../golden/classify.ts';
import { explain } from '../../golden/explain.ts';
import { unexplained } from '../../golden/fault-classes.ts';
import { noFaults, runModel } from '../../golden/java-model.ts';
import { makeFolder } from '../../golden/made-folder.ts';
import type { MadeFolder } from '../../golden/made-folder.ts';
import { goldenOf } from '../../golden/read-folder.ts';
import { refoldedRows } from '../../golden/refolded.ts';
import { ServerWindows } from '../../golden/server-windows.ts';
import type { Golden } from '../../support/golden.ts';

const cloud = { fromMs: Date.UTC(2026, 5, 8), runDelayMinutes: 15, accounts: 4, tieShare: 0.1 };
const hourly = { ...cloud, seed: 5, rangeMinutes: 60, windows: 12, vms: 14, lateShare: 0.05 };
const daily = { ...cloud, seed: 1, rangeMinutes: 1440, windows: 3, vms: 24, lateShare: 0.06 };
const autumn = {
  ...{ ...daily, seed: 1, fromMs: Date.parse('2026-10-23T22:00:00Z'), timeZone: 'Europe/Berlin' },
};
const cells = { description: 3, rawUsage: 6 } as const;

/** A made folder, and what a pipeline without faults makes of its input. */
class Story {
  readonly golden: Golden;
  readonly ours: readonly string[];

  constructor(made: MadeFolder) {
    this.golden = goldenOf('made', makeFolder(made));
    const { changes, rangeMs, runDelayMs } = this.golden;
    const runs = new ServerWindows(this.golden).runs(runDelayMs);
    const rows = refoldedRows(this.golden, runModel({ changes, rangeMs, runs }, noFaults).rows);
    this.ours = [...rows].flatMap(([line, count]) => Array.from({ length: count }, () => line));
  }

  explained(usage = this.golden.usage, ours = this.ours): Difference[] {
    return explain({ ...this.golden, usage }, ours);
  }

  /** Lines that are real differences once the server has other rows. */
  real(usage: readonly string[]): Set<string> {
    const found = this.explained(usage).filter((one) => one.class === unexplained);
    return new Set(found.map(({ line }) => line));
  }
}

const changed = (line: string, column: number, change: (cell: string) => string): string =>
  line
    .split('\t')
    .map((cell, at) => (at === column ? change(cell) : cell))
    .join('\t');
const other = {
  raw: (line: string) => changed(line, cells.rawUsage, (raw) => String(Number(raw) + 0.25)),
  text: (line: string) => changed(line, cells.description, (text) => `${text}!`),
};

describe.each([
  { name: 'hourly', made: hourly },
  { name: 'daily', made: daily },
])('$name windows with late events', { timeout: 60_000 }, ({ made }) => {
  let story: Story;
  let found: Map<string, Difference[]>;
  beforeAll(() => {
    story = new Story(made);
    found = Map.groupBy(story.explained(), (one) => one.class);
  }, 60_000);

  test('each difference is of a class', () => {
    const expected = ['late-event', 'late-id', 'pull-back', 'tie'];
    expect([...found.keys()]).toEqual(expect.arrayContaining(expected));
    expect(found.get(unexplained)).toBeUndefined();
    if (made === hourly) expect(found.has('duplicate')).toBe(true);
  });

  /** One line of each class that the given side alone has. */
  const linesOf = (side: Difference['side']): string[] =>
    [...found.values()].flatMap((all) => all.find((one) => one.side === side)?.line ?? []);
  const instead = (lines: readonly string[], change: (line: string) => readonly string[]) => {
    const left = new Set(lines);
    // Of equal rows one.
    return story.golden.usage.flatMap((line) => (left.delete(line) ? change(line) : [line]));
  };

  test.each([
    { why: 'raw_usage', change: other.raw },
    { why: 'description', change: other.text },
  ])('where a class explains a row, it explains none with another $why', ({ change }) => {
    const lines = linesOf('server');
    const real = story.real(instead(lines, (line) => [change(line)]));
    expect(lines.filter((line) => !real.has(change(line)))).toEqual([]);
  });

  test('where a class explains a row, it explains no copy more', () => {
    const lines = linesOf('server');
    const real = story.real(instead(lines, (line) => [line, line]));
    expect(lines.filter((line) => !real.has(line))).toEqual([]);
  });

  test('where a class explains that only we have a row, the server may not have a like one', () => {
    const like = linesOf('ours').map(other.raw);
    const real = story.real([...story.golden.usage, ...like]);
    expect(like.filter((line) => !real.has(line))).toEqual([]);
  });

  test.each([
    { why: 'with another raw_usage', change: (line: string) => [other.raw(line)] },
    { why: 'with another description', change: (line: string) => [other.text(line)] },
    { why: 'missing', change: () => [] },
  ])('where a resource has differences, no equal row of it may be $why', ({ change }) => {
    const ours = countLines(story.ours);
    const equal = [...found.values()].flatMap((differences) => {
      const resources = new Set(differences.map(({ line }) => resourceOf(line)));
      const isEqual = (line: string) => ours.has(line) && resources.has(resourceOf(line));
      return story.golden.usage.find(isEqual) ?? [];
    });
    expect(equal.length).toBeGreaterThan(2);
    const others = story.golden.usage.filter((line) => !equal.includes(line));
    const tampered = [...new Set(equal)].flatMap(change);
    const real = story.real([...others, ...tampered]);
    expect([...equal, ...tampered].filter((line) => !real.has(line))).toEqual([]);
  });

  test('a row of ours that no fold writes is a real difference, also a correction', () => {
    const wrong = story.ours.map((line) =>
      line.includes('\tAdjustment for ') ? other.raw(line) : line,
    );
    const corrections = wrong.filter((line) => line.includes('\tAdjustment for ')).length;
    const real = story.explained(story.golden.usage, wrong).filter((d) => d.class === unexplained);
    expect(corrections).toBeGreaterThan(0);
    expect(real.length).toBe(corrections);
  });
});

test('in days of which one has 25 hours each difference is of a class too', () => {
  const classes = new Set(new Story(autumn).explained().map((one) => one.class));
  expect([...classes].toSorted()).toEqual(['late-event', 'late-id', 'pull-back', 'tie']);
});

/** Account and usage_id with its type. */
function resourceOf(line: string): string {
  const all = line.split('\t');
  return `${all[1]} ${all[5]} ${all[11]}`;
}
