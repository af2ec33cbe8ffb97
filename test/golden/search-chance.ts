import { sqlMs } from '../support/sql-script.ts';
import { differing, times } from './counts.ts';
import type { Counts } from './counts.ts';
import type { FaultClass } from './fault-classes.ts';
import { combined } from './chances.ts';
import type { Choice } from './chances.ts';
import type { Chance } from './java-model.ts';
import { factsOfLine } from './resources.ts';

export interface ChanceSearch {
  readonly server: Counts;
  /** Rows of the server without anything left to chance. */
  readonly rows: Counts;
  /** Resources with rows that are not as the server wrote them, and what may have gone otherwise there. */
  readonly choices: ReadonlyMap<string, readonly Choice[]>;
  /** Rows of the server if chance went so. */
  readonly run: (chance: Chance) => Counts;
  /** How often to run at most; what is not found by then stays unexplained. */
  readonly maxRuns: number;
}

/** How it went for a resource, as far as it is known. */
interface Guess {
  readonly choices: readonly Choice[];
  taken: readonly Choice[];
  /** What is still wrong with the rows of the resource. */
  wrong: Distance;
}

/**
 * Looks for what chance must have been for the server's rows, resource by resource: from the choice
 * that leaves the fewest wrong rows to the next, then pairs of choices. Resources do not touch each
 * other, so that one run tries a choice of each.
 *
 * @returns the class of what explains all rows of a resource; others are left out.
 */
export function searchChance(search: ChanceSearch): Map<string, FaultClass> {
  const { server, choices, maxRuns } = search;
  const expected = byResource(server, choices);
  const wrongIn = (rows: Counts): Map<string, Distance> => {
    const found = byResource(rows, choices);
    return new Map(
      [...choices.keys()].map((key) => [key, distance(found.get(key), expected.get(key))]),
    );
  };
  const made = byResource(search.rows, choices);
  const start = wrongIn(search.rows);
  const guesses = new Map<string, Guess>();
  for (const [key, own] of choices) {
    const wrong = differing(made.get(key) ?? new Map(), expected.get(key) ?? new Map());
    guesses.set(key, { choices: nearFirst(own, wrong), taken: [], wrong: start.get(key) ?? near });
  }
  let runs = 0;
  const open = () => [...guesses].filter(([, { wrong }]) => wrong.lines > 0);
  /** Tries the n-th of the candidates of every open resource, for all n. */
  const improve = (candidatesOf: (guess: Guess) => Iterable<readonly Choice[]>): boolean => {
    const trying = open().map(([key, guess]) => ({
      key,
      guess,
      next: iterate(candidatesOf(guess)),
    }));
    const best = new Map<string, { taken: readonly Choice[]; wrong: Distance }>();
    for (; runs < maxRuns; runs++) {
      const tried = trying.flatMap(({ key, guess, next }) => {
        if (best.get(key)?.wrong.lines === 0) return [];
        const taken = next();
        return taken === null ? [] : [{ key, guess, taken }];
      });
      if (tried.length === 0) break;
      const others = [...guesses].filter(([key]) => !tried.some((one) => one.key === key));
      const all = [...tried.flatMap(({ taken }) => taken), ...others.flatMap(([, g]) => g.taken)];
      const wrong = wrongIn(search.run(combined(all)));
      for (const { key, guess, taken } of tried) {
        const left = wrong.get(key) ?? near;
        if (isNearer(left, best.get(key)?.wrong ?? guess.wrong))
          best.set(key, { taken, wrong: left });
      }
    }
    for (const [key, found] of best) Object.assign(guesses.get(key) ?? {}, found);
    return best.size > 0;
  };
  while (open().length > 0 && runs < maxRuns) if (!improve(oneMore) && !improve(pairs)) break;
  return new Map(
    [...guesses].flatMap(([key, { taken, wrong }]) => {
      const [first] = taken;
      return wrong.lines > 0 || first === undefined ? [] : [[key, first.class]];
    }),
  );
}

/** Choices in the windows of wrong rows first: elsewhere few change anything there. */
function nearFirst(choices: readonly Choice[], wrong: readonly string[]): Choice[] {
  const windows = wrong.map((line) => {
    const cells = line.split('\t');
    return { startMs: sqlMs(cells[startAt]) ?? 0, lastMs: sqlMs(cells[startAt + 1]) ?? 0 };
  });
  const isNear = ({ atMs }: Choice): boolean =>
    windows.some(({ startMs, lastMs }) => startMs <= atMs && atMs <= lastMs);
  return [...choices.filter(isNear), ...choices.filter((choice) => !isNear(choice))];
}

/** Where a line has its start_date, which its end_date follows, and others. */
const [startAt, descriptionAt, rawUsageAt] = [15, 3, 6] as const;

/** What is taken with one choice more, or another at the same place. */
function* oneMore({ taken, choices }: Guess): Generator<readonly Choice[]> {
  for (const choice of choices)
    if (!taken.includes(choice))
      yield [...taken.filter(({ place }) => place !== choice.place), choice];
}

function* pairs(guess: Guess): Generator<readonly Choice[]> {
  const { taken, choices } = guess;
  for (const [n, a] of choices.entries())
    for (const b of choices.slice(n + 1))
      if (a.place !== b.place)
        yield [...taken.filter(({ place }) => place !== a.place && place !== b.place), a, b];
}

function iterate<T>(items: Iterable<T>): () => T | null {
  const iterator = items[Symbol.iterator]();
  return () => {
    const next = iterator.next();
    return next.done === true ? null : next.value;
  };
}

type Lines = ReadonlyMap<string, number>;

/** Lines of those resources. */
function byResource(rows: Counts, only: ReadonlyMap<string, unknown>): Map<string, Lines> {
  const found = new Map<string, Map<string, number>>();
  for (const [line, count] of rows) {
    const { resource } = factsOfLine(line);
    if (!only.has(resource)) continue;
    const lines = found.get(resource) ?? new Map<string, number>();
    found.set(resource, lines.set(line, count));
  }
  return found;
}

/** How far rows are from those of the server. */
interface Distance {
  /** Lines too many or too few. */
  readonly lines: number;
  /** By how much their raw_usage differs, window by window: several seconds of a window add up in it. */
  readonly usage: number;
}

const near: Distance = { lines: 0, usage: 0 };
const isNearer = (a: Distance, b: Distance): boolean =>
  a.lines < b.lines || (a.lines === b.lines && a.usage < b.usage - 1e-6);

function distance(made: Lines = new Map(), server: Lines = new Map()): Distance {
  let lines = 0;
  const usage = new Map<string, number>();
  for (const line of new Set([...made.keys(), ...server.keys()])) {
    const surplus = times(made, line) - times(server, line);
    if (surplus === 0) continue;
    lines += Math.abs(surplus);
    const cells = line.split('\t');
    const key = `${cells[descriptionAt]} ${cells[startAt]}`;
    usage.set(key, (usage.get(key) ?? 0) + surplus * Number(cells[rawUsageAt]));
  }
  return { lines, usage: [...usage.values()].reduce((sum, one) => sum + Math.abs(one), 0) };
}
