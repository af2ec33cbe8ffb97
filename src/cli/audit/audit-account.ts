import type { Account } from '../../contracts/feed-record.ts';
import { compareU64 } from '../../contracts/ids.ts';
import { sqlDateTime } from '../../contracts/time.ts';
import { AccountReplay } from '../../domain/audit-fold.ts';
import type { AuditRules } from '../../domain/audit-fold.ts';
import { compareHelpers, wantedHelper } from '../../domain/audit-helpers.ts';
import type { HelperFinding, UniqueKey } from '../../domain/audit-helpers.ts';
import { firstBilled } from '../../domain/audit-jobs.ts';
import { rowResource } from '../../domain/audit-resource.ts';
import { compareRows } from '../../domain/audit-rows.ts';
import type { RowFinding } from '../../domain/audit-rows.ts';
import type { StoredRow } from '../../domain/audit-row.ts';
import type { RunIds } from '../../domain/audit-runs.ts';
import type { FindingPlace } from '../../domain/audit-tally.ts';
import { tableNames } from '../../domain/account-state.ts';
import { intervalTables } from '../../domain/helper-tables.ts';
import type { FoldEvent } from '../../contracts/fold.ts';
import { quoteName } from '../../platform/mysql.ts';
import { growthRows, helperRows, usageRows } from './account-streams.ts';
import { LookAhead } from './look-ahead.ts';
import { publicTemplates } from './read-cloud.ts';
import { text } from './read-history.ts';
import type { History } from './read-history.ts';
import type { Reader } from './reader.ts';

/** Is told of every finding as it is made; the audit waits for it. */
export interface AuditVisitor {
  row(finding: RowFinding, place: FindingPlace): Promise<void>;
  helper(finding: HelperFinding, accountId: string): Promise<void>;
}

/** What the audit of every account needs. */
export interface AuditScope {
  /** One result at a time on each. */
  readonly readers: {
    readonly misc: Reader;
    readonly rows: Reader;
    readonly network: Reader;
    readonly disk: Reader;
  };
  readonly schema: string;
  /** null when it cannot be read. */
  readonly cloudSchema: string | null;
  readonly events: LookAhead<FoldEvent>;
  readonly history: History;
  readonly rangeMs: number;
  readonly runs: RunIds;
  readonly rules: AuditRules;
  readonly uniqueKeys: ReadonlyMap<string, readonly UniqueKey[]>;
  /** Windows that begin earlier are folded, and not compared. */
  readonly fromMs: number;
  /** The oldest end in the table: rows before it were removed by an operator. */
  readonly oldestEnd: string | null;
}

export interface AccountCounts {
  checkedRows: number;
  keptRows: number;
  /** Rows that end in no window that was billed. */
  outsideRows: number;
  /** Windows whose rows are gone, oldest first, as far as they had any. */
  purgedWindows: number;
  /** Windows that our own sink billed. */
  ownWindows: number;
}

/** Folds an account from its first event and compares its rows window by window, then its helper rows. */
export async function auditAccount(
  scope: AuditScope,
  account: Account,
  visitor: AuditVisitor,
): Promise<AccountCounts> {
  const { readers, schema, events, history, runs, rules } = scope;
  const { id: accountId } = account;
  const isOwn = (event: FoldEvent) => event.accountId === accountId;
  const templates =
    account.removedMs === null || scope.cloudSchema === null
      ? []
      : await publicTemplates(readers.misc, scope.cloudSchema, accountId);
  const replay = new AccountReplay(account, templates, rules);
  const chargedFrom = await newestCharged(readers.misc, schema, accountId);
  const from = sqlDateTime(scope.fromMs);
  const rows = new LookAhead(usageRows(readers.rows, schema, accountId, from));
  const network = new LookAhead(growthRows(readers.network, schema, accountId, 'network'));
  const disk = new LookAhead(growthRows(readers.disk, schema, accountId, 'disk'));
  const counts: AccountCounts = {
    ...{ checkedRows: 0, keptRows: 0, outsideRows: 0, purgedWindows: 0, ownWindows: 0 },
  };

  for (const { window, jobId } of firstBilled(history, scope.rangeMs)) {
    const { startMs, endMs } = window;
    const due = await events.takeWhile((event) => isOwn(event) && event.createdMs < endMs);
    const growth = [
      ...(await network.takeWhile(({ atMs }) => atMs < endMs)),
      ...(await disk.takeWhile(({ atMs }) => atMs < endMs)),
    ].filter(({ atMs }) => atMs >= startMs);
    const wanted = replay.fold(window, due, growth);
    const [windowStart, windowEnd] = [sqlDateTime(startMs), sqlDateTime(endMs - 1)];
    if (startMs < scope.fromMs) continue;
    counts.outsideRows += await rows.skipWhile((row) => endOf(row) < windowStart);
    const stored = await rows.takeWhile((row) => endOf(row) <= windowEnd);
    if (history.ownJobs.has(jobId)) {
      counts.ownWindows += 1;
      continue;
    }
    if (stored.length === 0 && wanted.length === 0) continue;
    if (scope.oldestEnd !== null && windowEnd < scope.oldestEnd) {
      counts.purgedWindows += 1;
      continue;
    }
    const stable = stored.toSorted((a, b) => compareU64(a.id, b.id));
    const lookUp = (row: StoredRow) => {
      const known = replay.known(rowResource(row) ?? '');
      return known && { closedBy: known.openCount === 0 ? known.closedBy : null };
    };
    const compared = compareRows({ window, jobId, wanted, stored: stable, runs, lookUp });
    counts.checkedRows += stored.length;
    counts.keptRows += compared.kept;
    for (const finding of compared.findings) {
      const writtenBy = 'row' in finding ? runs.jobOf(finding.row.id) : null;
      await visitor.row(finding, {
        ...{ accountId, windowStart, windowEnd, chargedFrom, jobId: writtenBy },
      });
    }
  }
  counts.outsideRows += await rows.skipWhile(() => true);
  await network.skipWhile(() => true);
  await disk.skipWhile(() => true);
  // Once our own sink has worked on them, it knows which rows of these tables are whose.
  if (history.ownJobs.size === 0) await auditHelpers(scope, replay, account, visitor);
  return counts;
}

async function auditHelpers(
  { readers, schema, uniqueKeys }: AuditScope,
  replay: AccountReplay,
  { id: accountId }: Account,
  visitor: AuditVisitor,
): Promise<void> {
  for (const name of tableNames) {
    const { name: table } = intervalTables[name];
    const wanted = replay.helperRows(table).map(wantedHelper);
    const stored = await helperRows(readers.misc, schema, accountId, name);
    const keys = uniqueKeys.get(table) ?? [];
    for (const finding of compareHelpers(name, wanted, stored, keys))
      await visitor.helper(finding, accountId);
  }
}

const endOf = ({ cells }: StoredRow): string => cells.end_date ?? '';

async function newestCharged(
  reader: Reader,
  schema: string,
  accountId: string,
): Promise<string | null> {
  const [row] = await reader.rows(
    `SELECT MAX(start_date) AS newest FROM ${quoteName(schema, 'cloud_usage')}
     WHERE account_id = ? AND quota_calculated = 1`,
    [accountId],
  );
  return row?.['newest'] === null ? null : text(row?.['newest']);
}
