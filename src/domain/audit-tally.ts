import type { HelperFinding } from './audit-helpers.ts';
import { actionFor, isSurplus, overchargeOf } from './audit-repair.ts';
import type { RowFinding, RowKind } from './audit-rows.ts';

/** Where a finding is. */
export interface FindingPlace {
  readonly accountId: string;
  /** First and last second of the window, GMT text. */
  readonly windowStart: string;
  readonly windowEnd: string;
  /** Run that wrote a surplus row, where the table tells. */
  readonly jobId: string | null;
  readonly chargedFrom: string | null;
}

export interface Count {
  readonly of: string;
  readonly kind: string;
  rows: number;
  charged: number;
}

/** Something to be settled outside the tables: a row that quota's order forbids to add, or to change. */
export interface OpenCorrection {
  readonly accountId: string;
  readonly windowStart: string;
  readonly usageType: string | null;
  readonly description: string | null;
  /** What the table says; null: no row. */
  readonly billed: string | null;
  readonly correct: string | null;
}

export type CountedBy = 'kind' | 'account' | 'type' | 'window' | 'job' | 'table';

/** Findings that are listed one by one, of each kind; the rest is only counted. */
const listed = 20;
const listedCorrections = 1000;

/** Counts findings. Its size grows with accounts, types and windows, not with rows. */
export class AuditTally {
  checkedRows = 0;
  keptRows = 0;
  repairable = 0;
  correctionCount = 0;
  readonly corrections: OpenCorrection[] = [];
  readonly #counts = {
    kind: new Map<string, Count>(),
    account: new Map<string, Count>(),
    type: new Map<string, Count>(),
    window: new Map<string, Count>(),
    job: new Map<string, Count>(),
    table: new Map<string, Count>(),
  };
  readonly #examples = new Map<string, Record<string, unknown>[]>();

  row(finding: RowFinding, place: FindingPlace): void {
    const { kind } = finding;
    const charged = 'row' in finding && finding.row.isCharged ? 1 : 0;
    const { cells } = 'row' in finding ? finding.row : finding.wanted;
    const window = `${place.windowStart} .. ${place.windowEnd}`;
    this.#count('kind', 'rows', kind, charged);
    this.#count('account', place.accountId, kind, charged);
    this.#count('type', cells.usage_type ?? 'NULL', kind, charged);
    this.#count('window', window, kind, charged);
    if (isSurplus(finding) && place.jobId !== null) this.#count('job', place.jobId, kind, charged);
    const { windowStart, chargedFrom } = place;
    const action = actionFor(finding, windowStart, { hideCharged: true, chargedFrom }).kind;
    if (action !== 'settle' && action !== 'leave') this.repairable += 1;
    if (action === 'settle' || action === 'delete') this.#settle(finding, place);
    this.#example(kind, {
      accountId: place.accountId,
      window,
      usageType: cells.usage_type,
      description: cells.description,
      ...('row' in finding
        ? { id: finding.row.id, start: cells.start_date, rawUsage: cells.raw_usage }
        : {}),
      ...('wanted' in finding ? { correct: finding.wanted.cells.raw_usage } : {}),
      ...('closedBy' in finding ? { closedByEvent: finding.closedBy } : {}),
      ...('keptId' in finding ? { keptId: finding.keptId } : {}),
      ...(isSurplus(finding) ? { jobId: place.jobId } : {}),
    });
  }

  helper(finding: HelperFinding, accountId: string): void {
    const { kind, table } = finding;
    this.#count('table', table, kind, 0);
    if (kind !== 'unstorable' && kind !== 'helper-unfounded') this.repairable += 1;
    this.#example(kind, {
      accountId,
      table,
      ...('row' in finding ? { id: finding.row.id } : {}),
      ...('wanted' in finding
        ? { event: finding.wanted.eventId, cells: finding.wanted.cells }
        : { cells: finding.row.cells }),
      ...('why' in finding ? { why: finding.why } : {}),
    });
  }

  counts(by: CountedBy): Count[] {
    return [...this.#counts[by].values()];
  }

  get examples(): Readonly<Record<string, readonly Record<string, unknown>[]>> {
    return Object.fromEntries(this.#examples);
  }

  /** Where quota's order leaves nothing to do in the tables, and money is owed to the operator. */
  #settle(finding: RowFinding, { accountId, windowStart }: FindingPlace): void {
    if (finding.kind !== 'missing' && finding.kind !== 'differs') return;
    const isKept = finding.kind === 'differs' && finding.row.isCharged;
    const stored = isKept ? finding.row.cells.raw_usage : null;
    const { usage_type: usageType, description, raw_usage: correct } = finding.wanted.cells;
    if (overchargeOf(finding) !== null || stored === correct) return;
    this.correctionCount += 1;
    if (this.corrections.length < listedCorrections)
      this.corrections.push({
        ...{ accountId, windowStart, usageType, description },
        ...{ billed: stored, correct },
      });
  }

  #count(by: CountedBy, of: string, kind: string, charged: number): void {
    const key = `${of} ${kind}`;
    const before = this.#counts[by].get(key) ?? { of, kind, rows: 0, charged: 0 };
    before.rows += 1;
    before.charged += charged;
    this.#counts[by].set(key, before);
  }

  #example(kind: string, example: Record<string, unknown>): void {
    const before = this.#examples.get(kind) ?? [];
    if (before.length < listed) this.#examples.set(kind, [...before, example]);
  }
}

/** What each kind of finding means, for a person. */
export const rowKinds: Readonly<Record<RowKind, string>> = {
  duplicate: 'equal to a row that is kept',
  rerun: 'written again by a run that began before what was billed already',
  'after-deletion': 'of a resource that had ended before the window',
  surplus: 'made by no event',
  differs: 'the resource is billed otherwise than its events say',
  missing: 'the events make it, and it is not there',
  unfounded: 'no event of the resource is left to compare with; left as it is',
  'vpn-clock': "a VPN user's end is the clock of a run, which is not kept; left as it is",
};

export const helperKinds: Readonly<Record<HelperFinding['kind'], string>> = {
  'lost-open': 'an opening event has left no row',
  'lost-close': 'a closing event was lost: billed for ever',
  'helper-differs': 'says otherwise than its events',
  'helper-surplus': 'made by no event',
  'helper-unfounded': 'no event of the resource is left to compare with; left as it is',
  unstorable: 'the table cannot hold it: a Java server fails on its event',
};
