import { expect, test } from 'vitest';
import { classify } from '../../golden/classify.ts';
import type { Evidence } from '../../golden/classify.ts';
import { countLines } from '../../golden/counts.ts';

const hour = 3_600_000;

/** A line of cloud_usage with what classes are made from. */
const line = (usageType: number, id: number, startDate: string, raw = '1'): string => {
  const cells = Array.from({ length: 24 }, () => 'NULL');
  cells[1] = '3';
  cells[5] = String(usageType);
  cells[6] = raw;
  cells[7] = String(id);
  cells[11] = String(id);
  cells[15] = startDate;
  return cells.join('\t');
};

const a = line(3, 1, '2026-03-01 01:00:00');
const b = line(3, 2, '2026-03-01 01:00:00');
const odd = line(3, 1, '2026-03-01 00:10:14');
const merged = line(3, 1, '2026-03-01 00:59:30');

interface Case {
  readonly why: string;
  readonly server: readonly string[];
  readonly ours: readonly string[];
  readonly clean?: readonly string[];
  readonly models?: readonly { fault: Evidence['models'][number]['fault']; rows: string[] }[];
  readonly chance?: 'tie' | 'random-row';
  readonly isLate?: boolean;
  readonly jobs?: Evidence['jobs'];
  readonly found: readonly string[];
}

const at = (text: string) => Date.parse(`2026-03-01T${text}Z`);

test.each<Case>([
  { why: 'equal rows are no difference', server: [a, b], ours: [b, a], found: [] },
  {
    why: 'what no model has is unexplained on both sides',
    server: [a],
    ours: [b],
    clean: [b],
    models: [{ fault: 'late-id', rows: [b] }],
    found: ['server UNEXPLAINED', 'ours UNEXPLAINED'],
  },
  {
    why: 'a row that the server lost is of the class of the fault that loses it',
    server: [a],
    ours: [a, b],
    models: [
      { fault: 'late-id', rows: [a, b] },
      { fault: 'disk-500', rows: [a] },
      { fault: 'pull-back', rows: [a] },
    ],
    found: ['ours disk-500'],
  },
  {
    why: 'what we wrote must be what a faultless fold writes, even where a model agrees with the server',
    server: [a],
    ours: [a, b],
    clean: [a],
    models: [{ fault: 'late-id', rows: [a] }],
    found: ['ours UNEXPLAINED'],
  },
  {
    why: 'copies of our row are duplicates, each of them',
    server: [a, a, a],
    ours: [a],
    models: [{ fault: 'pull-back', rows: [a, a, a] }],
    found: ['server duplicate', 'server duplicate'],
  },
  {
    why: 'copies in another number than the model has them are unexplained',
    server: [a, a, a],
    ours: [a],
    models: [{ fault: 'pull-back', rows: [a, a] }],
    found: ['server UNEXPLAINED', 'server UNEXPLAINED'],
  },
  {
    why: 'a window that begins at an event is a pull-back',
    server: [a, odd],
    ours: [a],
    models: [{ fault: 'pull-back', rows: [a, odd] }],
    found: ['server pull-back'],
  },
  {
    why: 'a window that is up to a minute longer takes the place of ours',
    server: [merged],
    ours: [a],
    models: [{ fault: 'pull-back', rows: [merged] }],
    jobs: [{ startMs: at('00:59:30'), endMs: at('02:00:00') }],
    found: ['server merged-minute', 'ours merged-minute'],
  },
  {
    why: 'a row computed again with a late event of its resource is a correction of ours',
    server: [a, b],
    ours: [a],
    models: [{ fault: 'pull-back', rows: [a, b] }],
    isLate: true,
    found: ['server late-event'],
  },
  {
    why: 'a row computed again without one is a pull-back',
    server: [a, b],
    ours: [a],
    models: [{ fault: 'pull-back', rows: [a, b] }],
    found: ['server pull-back'],
  },
  {
    why: 'another order of equal times explains all rows of the resource',
    server: [a],
    ours: [line(3, 1, '2026-03-01 01:00:00', '2')],
    chance: 'tie',
    found: ['server tie', 'ours tie'],
  },
  {
    why: 'a late event of its resource explains no row that the model does not have',
    server: [a, odd],
    ours: [a],
    models: [{ fault: 'pull-back', rows: [a] }],
    isLate: true,
    found: ['server UNEXPLAINED'],
  },
])('$why', ({ server, ours, clean = ours, models = [], chance, isLate, jobs, found }) => {
  const differences = classify({
    server: countLines(server),
    ours: countLines(ours),
    clean: countLines(clean),
    models: models.map(({ fault, rows }) => ({ fault, rows: countLines(rows) })),
    windowOf: (ms) => {
      const startMs = Math.floor(ms / hour) * hour;
      return { startMs, endMs: startMs + hour };
    },
    jobs: jobs ?? [],
    chanceOf: () => chance ?? null,
    isLate: () => isLate ?? false,
  });
  const said = differences.map((difference) => `${difference.side} ${difference.class}`);
  expect(said.toSorted()).toEqual(found.toSorted());
});
