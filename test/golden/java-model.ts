import type { AccountFacts, FoldEvent } from '../../src/contracts/fold.ts';
import type { AccountId } from '../../src/contracts/ids.ts';
import type { EpochMs, Window } from '../../src/contracts/time.ts';
import type { UsageRow } from '../../src/contracts/usage-row.ts';
import { formatGoldenRows } from '../support/golden.ts';
import { goldenLines } from '../support/published-lines.ts';
import type { SqlChange } from '../support/sql-script.ts';
import { countLines } from './counts.ts';
import type { Counts } from './counts.ts';
import { isCounted, JavaBook, sumCounted } from './java-accounts.ts';
import { JavaCopy } from './java-copy.ts';
import type { CopyFaults } from './java-copy.ts';
import { jobWindows } from './java-schedule.ts';
import type { JavaRun } from './java-schedule.ts';
import { UniqueKeys } from './unique-keys.ts';
import type { VolumeKey } from './unique-keys.ts';

/** The faults of a usage server that a model of it has. */
export interface Faults extends CopyFaults {
  /** An event that cannot be used fails the run. */
  readonly failedJob: boolean;
  /** Unique keys, whose violation undoes a run; null: there are none at all. */
  readonly undo: VolumeKey | null;
  /** A run begins at its first event, however old. */
  readonly pullBack: boolean;
}

export const noFaults: Faults = {
  lateId: false,
  disk500: false,
  failedJob: false,
  undo: null,
  pullBack: false,
};

export interface ModelInput {
  readonly changes: readonly SqlChange[];
  readonly rangeMs: number;
  readonly runs: readonly JavaRun[];
}

export interface ModelOptions {
  /** Accounts to compute rows of; all when absent. */
  readonly only?: ReadonlySet<AccountId>;
  /** Runs that fail, when it is known already. */
  readonly failedRuns?: ReadonlySet<JavaRun>;
  /** Gives the events of a run another order, by other ids; null leaves an event out. */
  readonly reorder?: (event: FoldEvent) => FoldEvent | null;
}

export interface ModelOutcome {
  /** Lines of cloud_usage. */
  readonly rows: Counts;
  /** Windows of the runs that succeeded, as usage_job has them. */
  readonly jobs: readonly Window[];
  readonly failedRuns: ReadonlySet<JavaRun>;
  /** Events that stay unprocessed, run after run. */
  readonly stuck: readonly FoldEvent[];
}

/** Plays the runs of a usage server with the given faults over an input. */
export function runModel(
  { changes, rangeMs, runs }: ModelInput,
  faults: Faults,
  options: ModelOptions = {},
): ModelOutcome {
  const copy = new JavaCopy(changes, faults);
  const keys = faults.undo === null ? null : new UniqueKeys(faults.undo);
  const rows: UsageRow[] = [];
  const jobs: Window[] = [];
  const failedRuns = new Set<JavaRun>();
  let books: ReadonlyMap<AccountId, JavaBook> = new Map();
  let stuck: readonly FoldEvent[] = [];
  const counted = new Map<AccountId, { readonly atMs: EpochMs; readonly rows: UsageRow[] }[]>();

  for (const run of runs) {
    const startMs = jobs.at(-1)?.endMs ?? run.startMs;
    if (startMs >= run.endMs) continue; // nothing left to do
    const work = copy.run(run.runMs, run.endMs);
    const job = { startMs: beginOf(startMs, work, faults), endMs: run.endMs };
    const facts = copy.facts(startMs);
    const taken = keys?.take(work) ?? { applied: work, stuck: [] };
    const { reorder } = options;
    const events = reorder ? taken.applied.flatMap((e) => reorder(e) ?? []) : taken.applied;
    const done = { ...computeJob({ run, job, rangeMs, facts, events, books, options }), job };
    const fails = options.failedRuns?.has(run) ?? (faults.failedJob && done.refused);
    if (fails) {
      failedRuns.add(run);
      continue;
    }
    copy.processed(taken.applied);
    ({ stuck } = taken);
    books = done.books;
    jobs.push(job);
    for (const { accountId, window, rows: made } of done.parts) {
      const own = made.filter(isCounted);
      const before = counted.get(accountId) ?? [];
      counted.set(accountId, before);
      const again = before.filter(({ atMs }) => atMs >= window.startMs && atMs < window.endMs);
      rows.push(...made.filter((row) => !isCounted(row)));
      if (again.length === 0) rows.push(...own);
      else rows.push(...sumCounted([...again.flatMap((each) => each.rows), ...own], window));
      if (own.length > 0) before.push({ atMs: job.endMs - 1, rows: own });
    }
  }
  return { rows: countLines(goldenLines(formatGoldenRows(rows))), jobs, failedRuns, stuck };
}

const beginOf = (startMs: EpochMs, [first]: readonly FoldEvent[], { pullBack }: Faults): EpochMs =>
  pullBack && first !== undefined ? Math.min(startMs, first.createdMs) : startMs;

interface Job {
  readonly run: JavaRun;
  readonly job: Window;
  readonly rangeMs: number;
  readonly facts: ReadonlyMap<AccountId, AccountFacts>;
  readonly events: readonly FoldEvent[];
  readonly books: ReadonlyMap<AccountId, JavaBook>;
  readonly options: ModelOptions;
}

interface Part {
  readonly accountId: AccountId;
  readonly window: Window;
  readonly rows: readonly UsageRow[];
}

/** Applies all events, then computes window after window; statistics count in the last. */
function computeJob({ run, job, rangeMs, facts, events, books, options }: Job) {
  const next = new Map(books);
  const parts: Part[] = [];
  const own = Map.groupBy(events, (event) => event.accountId);
  const windows = jobWindows(job, rangeMs).map((window) => ({ ...window, runMs: run.runMs }));
  let refused = false;
  for (const [accountId, known] of facts) {
    if (options.only?.has(accountId) === false) continue;
    let book = next.get(accountId) ?? JavaBook.empty(accountId);
    const mine = own.get(accountId) ?? [];
    if (mine.length > 0) {
      const applied = book.apply(mine, known, { ...job, runMs: run.runMs });
      ({ book } = applied);
      // What a start or a creation lacks is caught where it happens.
      refused ||= applied.refused.some(({ event }) => !/^VM\.(START|CREATE)$/.test(event.type));
    }
    for (const window of windows) {
      const parsed = book.parse(known, window, window.endMs === job.endMs);
      ({ book } = parsed);
      parts.push({ accountId, window, rows: parsed.rows });
    }
    next.set(accountId, book);
  }
  return { books: next, parts, refused };
}
