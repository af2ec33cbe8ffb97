import type { Counter } from '../../src/contracts/feed-record.ts';
import type { AccountFacts, FoldEvent } from '../../src/contracts/fold.ts';
import { compareU64 } from '../../src/contracts/ids.ts';
import type { AccountId, U64 } from '../../src/contracts/ids.ts';
import type { EpochMs } from '../../src/contracts/time.ts';
import { CloudContent } from '../support/cloud-content.ts';
import type { SqlChange } from '../support/sql-script.ts';

export interface CopyFaults {
  /** Rows are copied by ascending id: what commits below an id that was copied is never seen. */
  readonly lateId: boolean;
  /** Only the first 500 rows of vm_disk_statistics are read. */
  readonly disk500: boolean;
}

const diskLimit = 500;
const threeDaysMs = 3 * 86_400_000;

/** What a usage server has copied from `cloud` before a run works. */
export class JavaCopy {
  readonly #content: CloudContent;
  readonly #faults: CopyFaults;
  readonly #counters = new Set<string>();
  readonly #highest = new Map<string, U64>();
  #arrived: FoldEvent[] = [];
  #copied: FoldEvent[] = [];

  constructor(changes: readonly SqlChange[], faults: CopyFaults) {
    this.#content = new CloudContent(changes);
    this.#faults = faults;
  }

  /** Copies what is committed by the run's clock. Returns the unprocessed events before `endMs`. */
  run(runMs: EpochMs, endMs: EpochMs): FoldEvent[] {
    this.#content.advance(runMs);
    this.#arrived.push(...this.#content.arrivals());
    if (this.#faults.lateId) this.#copyById(endMs);
    else this.#copied.push(...this.#arrived.splice(0));
    const due = this.#copied.filter((event) => event.createdMs < endMs);
    const work = this.#faults.lateId ? due : due.map((e) => this.#content.withDetails(e));
    return work.toSorted((a, b) => a.createdMs - b.createdMs || compareU64(a.id, b.id));
  }

  /** These are processed; what `run` returned else comes again. */
  processed(events: readonly FoldEvent[]): void {
    const ids = new Set(events.map(({ id }) => id));
    this.#copied = this.#copied.filter(({ id }) => !ids.has(id));
  }

  /** Accounts and statistics as copied. */
  facts(startMs: EpochMs): Map<AccountId, AccountFacts> {
    const facts = this.#content.facts();
    const lost = this.#faults.lateId ? this.#lostCounters(facts) : new Set<Counter>();
    const read = this.#faults.disk500 ? firstDisks(facts, lost, startMs) : null;
    for (const [id, own] of facts) {
      const counters = own.counters.filter(
        (row) =>
          !lost.has(row) && (read === null || row.table !== 'vm_disk_statistics' || read.has(row)),
      );
      facts.set(id, { ...own, counters });
    }
    return facts;
  }

  /** Up to the highest id of an event of the window; details that are not there now never come. */
  #copyById(endMs: EpochMs): void {
    const recent = this.#highest.get('usage_event') ?? null;
    const above = this.#arrived.filter(({ id }) => recent === null || compareU64(id, recent) > 0);
    const due = above.filter((event) => event.createdMs < endMs).map(({ id }) => id);
    const highest = due.toSorted(compareU64).at(-1);
    if (highest === undefined) {
      this.#arrived = above;
      return;
    }
    for (const event of above)
      if (compareU64(event.id, highest) <= 0) this.#copied.push(this.#content.withDetails(event));
    this.#arrived = above.filter(({ id }) => compareU64(id, highest) > 0);
    this.#highest.set('usage_event', highest);
  }

  #lostCounters(facts: ReadonlyMap<AccountId, AccountFacts>): Set<Counter> {
    const rows = [...facts.values()].flatMap((own) => own.counters);
    const lost = new Set<Counter>();
    const highest = new Map(this.#highest);
    for (const row of rows) {
      const name = `${row.table} ${row.id}`;
      const limit = this.#highest.get(row.table);
      if (!this.#counters.has(name) && limit !== undefined && compareU64(row.id, limit) <= 0) {
        lost.add(row);
        continue;
      }
      this.#counters.add(name);
      const top = highest.get(row.table);
      if (top === undefined || compareU64(row.id, top) > 0) highest.set(row.table, row.id);
    }
    for (const [table, id] of highest) this.#highest.set(table, id);
    return lost;
  }
}

/** The disk rows that a run reads: 500 by id, of accounts that live or were removed of late. */
function firstDisks(
  facts: ReadonlyMap<AccountId, AccountFacts>,
  lost: ReadonlySet<Counter>,
  startMs: EpochMs,
): ReadonlySet<Counter> {
  const rows = [...facts.values()].flatMap(({ account, counters }) => {
    const removedMs = account?.removedMs ?? null;
    if (removedMs !== null && removedMs < startMs - threeDaysMs) return [];
    return counters.filter((row) => row.table === 'vm_disk_statistics' && !lost.has(row));
  });
  return new Set(rows.toSorted((a, b) => compareU64(a.id, b.id)).slice(0, diskLimit));
}
