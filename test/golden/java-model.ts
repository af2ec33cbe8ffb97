import type { AccountFacts, FoldEvent } from '../../src/contracts/fold.ts';
import { compareU64 } from '../../src/contracts/ids.ts';
import type { AccountId, EventId } from '../../src/contracts/ids.ts';
import type { EpochMs, Window } from '../../src/contracts/time.ts';
import type { SqlChange } from '../support/sql-script.ts';
import { countLines } from './counts.ts';
import type { Counts } from './counts.ts';
import { JavaCopy } from './java-copy.ts';
import type { CopyFaults } from './java-copy.ts';
import { jobWindows } from './java-schedule.ts';
import type { JavaRun } from './java-schedule.ts';
import { AccountCopy } from './java/account-copy.ts';
import { applyEvents } from './java/apply-events.ts';
import type { Applied, EventFaults } from './java/apply-events.ts';
import type { VolumeKey } from './java/handler.ts';
import { JavaTables } from './java/java-tables.ts';
import { parseAccount } from './java/parse-account.ts';
import { Statistics } from './java/statistics.ts';
import { settingsAt } from './server-settings.ts';
import { NegativeRow } from './java/window-rows.ts';

/** The faults of a usage server that a model of it has. */
export interface Faults extends CopyFaults, EventFaults {
  /** Unique keys, whose violation undoes a run; null: there are none at all. */
  readonly undo: VolumeKey | null;
  /** What is open is found in other accounts too. */
  readonly crossAccount: boolean;
  /** A run begins at its first event, however old. */
  readonly pullBack: boolean;
}

export const noFaults: Faults = {
  lateId: false,
  disk500: false,
  failedJob: false,
  silent: false,
  undo: null,
  crossAccount: false,
  pullBack: false,
};

/** A server as it is, but for its unique keys: those differ by release. */
export const everyFault: Omit<Faults, 'undo'> = {
  lateId: true,
  disk500: true,
  failedJob: true,
  silent: true,
  crossAccount: true,
  pullBack: true,
};

export interface ModelInput {
  readonly changes: readonly SqlChange[];
  readonly rangeMs: number;
  readonly runs: readonly JavaRun[];
}

/** Chance as it may have been: the order of equal times, and which of several details counts. */
export interface Chance {
  /** The id by which an event comes among those of its second. */
  readonly rank: ReadonlyMap<EventId, EventId>;
  readonly details: ReadonlyMap<EventId, FoldEvent['details']>;
}

export interface ModelOptions {
  /** Events that count, where none undoes others or fails a run: all, and statistics, when absent. */
  readonly only?: (event: FoldEvent) => boolean;
  readonly chance?: Chance;
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

const threeDaysMs = 3 * 86_400_000;

/**
 * Plays the runs of a usage server with the given faults over an input: its copies, its helper tables
 * and its parsers, statement by statement and without any of the fold's code.
 */
export function runModel(
  { changes, rangeMs, runs }: ModelInput,
  faults: Faults,
  { only, chance }: ModelOptions = {},
): ModelOutcome {
  const copy = new JavaCopy(changes, faults);
  const accounts = new AccountCopy(faults.lateId);
  const tables = new JavaTables();
  const statistics = new Statistics();
  const { snapshotVirtualSize } = settingsAt(changes, runs[0]?.runMs ?? 0);
  const lines: string[] = [];
  const jobs: Window[] = [];
  const failedRuns = new Set<JavaRun>();
  let stuck: readonly FoldEvent[] = [];
  const isMeant = only ?? (() => true);
  const owners = new Set<AccountId>();

  for (const run of runs) {
    const startMs = jobs.at(-1)?.endMs ?? run.startMs;
    if (startMs >= run.endMs) continue; // nothing left to do
    const work = inOrder(copy.run(run.runMs, run.endMs), chance);
    const job = { startMs: beginOf(startMs, work, faults), endMs: run.endMs };
    const facts = copy.facts(job.startMs);
    accounts.run(facts, startMs);
    const context = {
      tables,
      keys: faults.undo,
      crossAccount: faults.crossAccount,
      runMs: run.runMs,
      virtualSizes: snapshotVirtualSize,
      hasAccount: (id: AccountId) => accounts.all.has(id),
    };
    const own = work.filter(isMeant);
    for (const { accountId } of own) owners.add(accountId);
    const cannotRun = refuses(facts) || statistics.hasJob(run.endMs);
    const applied = faults.failedJob && cannotRun ? failed : applyEvents(context, own, faults);
    // Events that are left out are processed as well.
    copy.processed(only === undefined ? applied.processed : work);
    ({ stuck } = applied);
    const billed = [...accounts.all.values()].filter(
      ({ id, removedMs }) =>
        (only === undefined || owners.has(id)) &&
        (removedMs === null || removedMs >= job.startMs - threeDaysMs),
    );
    if (!applied.fails && only === undefined)
      for (const { id } of billed) statistics.add(id, facts.get(id)?.counters ?? [], job);
    const made = applied.fails
      ? null
      : parseJob({ run, job, rangeMs, facts, tables, statistics, billed, faults });
    if (made === null) {
      failedRuns.add(run);
      continue;
    }
    tables.commit();
    jobs.push(job);
    for (const line of made) lines.push(line);
  }
  return { rows: countLines(lines), jobs, failedRuns, stuck };
}

/** Statistics of no network, or of an address that the copy has no room for, stop a run before anything is committed. */
const refuses = (facts: ReadonlyMap<AccountId, AccountFacts>): boolean =>
  [...facts.values()].some(({ counters }) =>
    counters.some(
      (row) =>
        row.table === 'user_statistics' &&
        (row.networkId === null || (row.publicIpAddress ?? '').length > addressLength),
    ),
  );
const addressLength = 15;
const failed: Applied = { processed: [], stuck: [], fails: true };

function inOrder(work: readonly FoldEvent[], chance: Chance | undefined): readonly FoldEvent[] {
  if (chance === undefined) return work;
  const { rank, details } = chance;
  return work
    .map((event) => ({ ...event, details: details.get(event.id) ?? event.details }))
    .toSorted(
      (a, b) =>
        a.createdMs - b.createdMs || compareU64(rank.get(a.id) ?? a.id, rank.get(b.id) ?? b.id),
    );
}

const beginOf = (startMs: EpochMs, [first]: readonly FoldEvent[], { pullBack }: Faults): EpochMs =>
  pullBack && first !== undefined ? Math.min(startMs, first.createdMs) : startMs;

interface Job {
  readonly run: JavaRun;
  readonly job: Window;
  readonly rangeMs: number;
  readonly facts: ReadonlyMap<AccountId, AccountFacts>;
  readonly tables: JavaTables;
  readonly statistics: Statistics;
  readonly billed: readonly {
    readonly id: AccountId;
    readonly domainId: string;
    readonly removedMs: EpochMs | null;
  }[];
  readonly faults: Faults;
}

/** All windows of a job; null when it fails, with what it did to the tables undone. */
function parseJob({ run, job, rangeMs, facts, tables, statistics, billed, faults }: Job) {
  const lines: string[] = [];
  try {
    for (const window of jobWindows(job, rangeMs))
      for (const account of billed) {
        const parser = {
          tables,
          accountId: account.id,
          domainId: account.domainId,
          window,
          runMs: run.runMs,
          negativeFails: faults.failedJob,
        };
        for (const line of parseAccount(parser, {
          account,
          statistics,
          facts: facts.get(account.id),
        }))
          lines.push(line);
      }
    return lines;
  } catch (error) {
    if (!(error instanceof NegativeRow)) throw error;
    tables.rollback();
    return null;
  }
}
