import { sqlDateTime } from '../../contracts/time.ts';
import type { Poison } from '../../domain/audit-poison.ts';
import { surplusKinds } from '../../domain/audit-repair.ts';
import { rowKinds } from '../../domain/audit-tally.ts';
import type { AuditTally, Count, OpenCorrection } from '../../domain/audit-tally.ts';
import type { Credit } from './overcharge-book.ts';
import type { CloudFacts } from './read-cloud.ts';
import type { History, Stuck } from './read-history.ts';

/** What an audit found: counts, a few examples of each kind, and what is owed. */
export interface AuditReport {
  readonly schema: string;
  readonly rangeMinutes: number;
  /** Time that successful jobs billed, GMT; null: no job. */
  readonly billed: { readonly from: string; readonly to: string } | null;
  /** End of that time, exclusive, epoch ms. */
  readonly billedToMs: number;
  /** True when `repair` has something to do. */
  readonly isDamaged: boolean;
  readonly accounts: number;
  readonly rows: { readonly checked: number; readonly right: number };
  readonly byKind: readonly Count[];
  readonly byAccount: readonly Count[];
  readonly byType: readonly Count[];
  readonly byWindow: readonly Count[];
  /** Surplus rows by the re-run that wrote them. */
  readonly byJob: readonly Count[];
  readonly helperTables: readonly Count[];
  readonly jobs: {
    readonly overlapping: number;
    readonly listed: readonly OverlappingJob[];
    readonly bogus: number;
  };
  readonly events: { readonly stuck: Stuck; readonly poison: Poison | null };
  readonly toSettle: {
    readonly credits: readonly Credit[];
    readonly corrections: readonly OpenCorrection[];
    readonly correctionCount: number;
  };
  /** What looks odd and is explained: nothing to repair. */
  readonly facts: readonly Fact[];
  readonly examples: AuditTally['examples'];
}

export interface OverlappingJob {
  readonly jobId: string;
  readonly start: string;
  readonly end: string;
  readonly billedAgainTo: string;
}

export interface Fact {
  readonly code: string;
  readonly text: string;
}

export interface AuditFindings {
  readonly schema: string;
  readonly rangeMinutes: number;
  readonly history: History;
  readonly areRunsTold: boolean;
  readonly stuck: Stuck;
  readonly poison: Poison | null;
  readonly tally: AuditTally;
  readonly credits: readonly Credit[];
  readonly cloud: CloudFacts;
  readonly outsideRows: number;
  readonly purgedWindows: number;
  readonly ownWindows: number;
  readonly unknownEvents: number;
  readonly accounts: number;
}

const listedJobs = 100;

export function auditReport(found: AuditFindings): AuditReport {
  const { tally, history, stuck, credits } = found;
  const [first] = history.billing;
  return {
    schema: found.schema,
    rangeMinutes: found.rangeMinutes,
    billed:
      first === undefined
        ? null
        : { from: sqlDateTime(first.span.startMs), to: sqlDateTime(history.billedToMs - 1) },
    billedToMs: history.billedToMs,
    isDamaged: tally.repairable > 0 || stuck.count > 0,
    accounts: found.accounts,
    rows: { checked: tally.checkedRows, right: tally.keptRows },
    byKind: tally.counts('kind'),
    byAccount: tally.counts('account'),
    byType: tally.counts('type'),
    byWindow: tally.counts('window'),
    byJob: tally.counts('job'),
    helperTables: tally.counts('table'),
    jobs: {
      overlapping: history.reruns.length,
      listed: history.reruns.slice(0, listedJobs).map(({ jobId, startMs, endMs, again }) => ({
        jobId,
        start: sqlDateTime(startMs),
        end: sqlDateTime(endMs - 1),
        billedAgainTo: sqlDateTime(again.endMs - 1),
      })),
      bogus: history.bogus.length,
    },
    events: { stuck, poison: found.poison },
    toSettle: {
      credits,
      corrections: tally.corrections,
      correctionCount: tally.correctionCount,
    },
    facts: facts(found),
    examples: tally.examples,
  };
}

function facts(found: AuditFindings): Fact[] {
  const { tally, history, cloud } = found;
  const rowsOf = (kind: string) => tally.counts('kind').find((one) => one.kind === kind)?.rows ?? 0;
  const reruns = history.reruns.length;
  const surplusRows = surplusKinds.reduce((sum, kind) => sum + rowsOf(kind), 0);
  const said: (readonly [when: boolean, code: string, text: string])[] = [
    [
      history.alive !== null,
      'SERVER_ALIVE',
      `a usage server works on these tables (${history.alive}): rows of a run under way may look odd`,
    ],
    ...cloud.losses.map(
      ({ table, rows, ids }) =>
        [
          true,
          'LATE_ID_LOSS',
          `${rows} rows of cloud.${table} were never copied, since they committed after a row with a higher id (first ids ${ids.join(', ')}): a Java server loses what they say, and nothing in cloud_usage can tell it`,
        ] as const,
    ),
    [
      !cloud.isReachable,
      'CLOUD_NOT_READ',
      'the schema of the management server was not read: rows lost by a late id, and public templates of removed accounts, are not known',
    ],
    [
      !found.areRunsTold && surplusRows > 0,
      'RUNS_NOT_TOLD',
      'the ids of cloud_usage do not show as many re-runs as usage_job: rows are told apart by their content only',
    ],
    [
      reruns > 0,
      'OVERLAPPING_JOBS',
      `${reruns} jobs began before what was billed already; their rows in usage_job stay`,
    ],
    [
      history.bogus.length > 0,
      'BOGUS_JOBS',
      `${history.bogus.length} jobs without success have a start after their end: they found nothing to do, and wrote nothing`,
    ],
    [rowsOf('unfounded') > 0, 'UNFOUNDED', `${rowsOf('unfounded')} rows: ${rowKinds.unfounded}`],
    [rowsOf('vpn-clock') > 0, 'VPN_CLOCK', `${rowsOf('vpn-clock')} rows: ${rowKinds['vpn-clock']}`],
    ...tally
      .counts('table')
      .flatMap(({ of, kind, rows }) => [
        [
          kind === 'unstorable',
          'UNSTORABLE',
          `${of} cannot hold ${rows} rows that its events make; a Java server that goes on fails on such events again until its unique key is widened`,
        ] as const,
        [
          kind === 'helper-unfounded',
          'HELPER_UNFOUNDED',
          `${rows} rows of ${of} are of resources without any event; left as they are`,
        ] as const,
      ]),
    [
      found.outsideRows > 0,
      'OUTSIDE_ROWS',
      `${found.outsideRows} rows end in no window that a successful job billed; left as they are`,
    ],
    [
      found.purgedWindows > 0,
      'PURGED',
      `rows of ${found.purgedWindows} windows of accounts before the oldest row are gone (removeRawUsageRecords); they are not missed`,
    ],
    [
      found.ownWindows > 0,
      'OWN_WINDOWS',
      `${found.ownWindows} windows of accounts were billed by UsageStream itself: neither they nor the helper tables are compared here`,
    ],
    [
      found.unknownEvents > 0,
      'UNKNOWN_ACCOUNTS',
      `${found.unknownEvents} events are of accounts that cloud_usage does not know`,
    ],
  ];
  return said.flatMap(([when, code, text]) => (when ? [{ code, text }] : []));
}
