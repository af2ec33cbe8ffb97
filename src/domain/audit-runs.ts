import { compareU64 } from '../contracts/ids.ts';
import type { U64 } from '../contracts/ids.ts';
import type { Rerun } from './audit-jobs.ts';

/** What is looked at of a row of cloud_usage to tell the runs apart; types with own dates are left out. */
export interface RunRow {
  readonly id: U64;
  readonly accountId: U64;
  readonly isRemoved: boolean;
  readonly startDate: string;
  readonly endDate: string;
}

/**
 * Finds where runs begin in the table's id order. A run writes its windows in order of time, and within a
 * window accounts by id, removed ones last. So a run that begins before what was billed already shows as
 * a step back; one that goes on where the last ended does not show, and brings no row a second time.
 */
export class RunFinder {
  readonly #starts: U64[] = [];
  #last: RunRow | null = null;

  /** Takes the next row in id order. */
  push(row: RunRow): void {
    const last = this.#last;
    this.#last = row;
    if (last !== null && isStepBack(last, row)) this.#starts.push(row.id);
  }

  /**
   * The first id of each re-run, by its job; null when they cannot be told apart, since the table shows
   * another number of them than usage_job.
   */
  firstIds(reruns: readonly Rerun[]): ReadonlyMap<string, U64> | null {
    if (this.#starts.length !== reruns.length) return null;
    return new Map(reruns.map(({ jobId }, at) => [jobId, this.#starts[at]!]));
  }
}

function isStepBack(last: RunRow, row: RunRow): boolean {
  if (row.endDate !== last.endDate) return row.endDate < last.endDate;
  if (row.startDate !== last.startDate) return true;
  return compareU64(row.accountId, last.accountId) < 0 && !row.isRemoved;
}

/** Which run wrote a row: ids of re-runs in order, and what was before. */
export class RunIds {
  readonly #ids: readonly (readonly [job: string, first: U64])[];
  /** Whether there were re-runs at all. */
  readonly hasAny: boolean;

  /** @param firstIds null when the table does not tell the runs apart. */
  constructor(reruns: readonly Rerun[], firstIds: ReadonlyMap<string, U64> | null) {
    this.hasAny = reruns.length > 0;
    this.#ids = [...(firstIds ?? [])].toSorted((a, b) => compareU64(a[1], b[1]));
  }

  /** The re-run that wrote the row, or one that followed it without going back; null: before all of them. */
  jobOf(id: U64): string | null {
    return this.#ids.findLast(([, first]) => compareU64(first, id) <= 0)?.[0] ?? null;
  }

  /** True when the row was written by a re-run that came after the job. */
  isAfter(id: U64, jobId: string): boolean {
    const next = this.#ids.find(([job]) => BigInt(job) > BigInt(jobId));
    return next !== undefined && compareU64(id, next[1]) >= 0;
  }
}
