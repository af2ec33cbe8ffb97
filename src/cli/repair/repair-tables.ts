import type { HelperFinding } from '../../domain/audit-helpers.ts';
import { actionFor } from '../../domain/audit-repair.ts';
import type { RowFinding } from '../../domain/audit-rows.ts';
import { usageColumns } from '../../domain/audit-row.ts';
import type { WantedRow } from '../../domain/audit-row.ts';
import type { FindingPlace } from '../../domain/audit-tally.ts';
import { helperTables } from '../../domain/helper-tables.ts';
import { quoteName } from '../../platform/mysql.ts';
import type { AuditVisitor } from '../audit/audit-account.ts';
import { stuckWhere } from '../audit/read-history.ts';
import { ChangedTable } from './changed-table.ts';
import type { RepairConnection } from './repair-connection.ts';
import type { UndoFile } from './undo-file.ts';

/** What a repair does, or would do. */
export class RepairCounts {
  deleted = 0;
  hidden = 0;
  inserted = 0;
  replaced = 0;
  helperInserted = 0;
  helperUpdated = 0;
  helperDeleted = 0;
  /** Helper rows that a unique key did not let in. */
  helperRefused = 0;
  eventsMarked = 0;
}

/** Counts what would be done about the findings, and does nothing. */
export class RepairPlan implements AuditVisitor {
  readonly counts = new RepairCounts();
  readonly #hideCharged: boolean;

  constructor(hideCharged: boolean) {
    this.#hideCharged = hideCharged;
  }

  async row(finding: RowFinding, place: FindingPlace): Promise<void> {
    const { kind } = this.actionFor(finding, place);
    if (kind === 'delete') this.counts.deleted += 1;
    if (kind === 'hide') this.counts.hidden += 1;
    if (kind === 'insert') this.counts.inserted += 1;
    if (kind === 'replace') this.counts.replaced += 1;
    await Promise.resolve();
  }

  async helper({ kind }: HelperFinding): Promise<void> {
    if (kind === 'lost-open') this.counts.helperInserted += 1;
    if (kind === 'lost-close' || kind === 'helper-differs') this.counts.helperUpdated += 1;
    if (kind === 'helper-surplus') this.counts.helperDeleted += 1;
    await Promise.resolve();
  }

  actionFor(finding: RowFinding, { windowStart, chargedFrom }: FindingPlace) {
    return actionFor(finding, windowStart, { hideCharged: this.#hideCharged, chargedFrom });
  }
}

const batch = 500;

/** Does what the findings ask for, inside the connection's transaction. */
export class RepairTables implements AuditVisitor {
  readonly plan: RepairPlan;
  readonly #work: RepairConnection;
  readonly #undo: UndoFile;
  readonly #schema: string;
  readonly #usage: ChangedTable;
  #deletions: string[] = [];
  #hidings: string[] = [];
  #insertions: WantedRow[] = [];
  #helperKey = '';
  #helperFindings: HelperFinding[] = [];

  constructor(work: RepairConnection, undo: UndoFile, schema: string, hideCharged: boolean) {
    this.#work = work;
    this.#undo = undo;
    this.#schema = schema;
    this.#usage = new ChangedTable(work, undo, schema, 'cloud_usage');
    this.plan = new RepairPlan(hideCharged);
  }

  async row(finding: RowFinding, place: FindingPlace): Promise<void> {
    await this.plan.row(finding, place);
    const { kind } = this.plan.actionFor(finding, place);
    if ('row' in finding && (kind === 'delete' || kind === 'replace'))
      this.#deletions.push(finding.row.id);
    if ('row' in finding && kind === 'hide') this.#hidings.push(finding.row.id);
    if ('wanted' in finding && (kind === 'insert' || kind === 'replace'))
      this.#insertions.push(finding.wanted);
    const waiting = this.#deletions.length + this.#hidings.length + this.#insertions.length;
    if (waiting >= batch) await this.#flushRows();
  }

  async helper(finding: HelperFinding, accountId: string): Promise<void> {
    await this.plan.helper(finding);
    const key = `${finding.table} ${accountId}`;
    if (key !== this.#helperKey) await this.#flushHelpers();
    this.#helperKey = key;
    this.#helperFindings.push(finding);
  }

  /** Writes what waits, and last of all marks the stuck events as processed. */
  async finish(billedToMs: number): Promise<void> {
    await this.#flushRows();
    await this.#flushHelpers();
    const events = new ChangedTable(this.#work, this.#undo, this.#schema, 'usage_event');
    const [where, values] = stuckWhere(billedToMs);
    for (;;) {
      const rows = await this.#work.rows(
        `SELECT id FROM ${quoteName(this.#schema, 'usage_event')} WHERE ${where}
         ORDER BY created, id LIMIT ${batch}`,
        values,
      );
      if (rows.length === 0) return;
      const ids = rows.map((row) => String(row['id']));
      await events.mark(ids, 'processed', 0, 1);
      this.plan.counts.eventsMarked += ids.length;
    }
  }

  async #flushRows(): Promise<void> {
    const [deletions, hidings, insertions] = [this.#deletions, this.#hidings, this.#insertions];
    [this.#deletions, this.#hidings, this.#insertions] = [[], [], []];
    if (deletions.length > 0) await this.#usage.delete(deletions, 'quota_calculated <> 1');
    if (hidings.length > 0) await this.#usage.mark(hidings, 'is_hidden', 0, 1);
    if (insertions.length > 0)
      await this.#usage.insert(
        [...usageColumns, 'quota_calculated', 'is_hidden'],
        insertions.map(({ cells, isHidden }) => [
          ...usageColumns.map((column) => cells[column]),
          ...[0, Number(isHidden)],
        ]),
      );
  }

  async #flushHelpers(): Promise<void> {
    const findings = this.#helperFindings;
    const [name = '', accountId = ''] = this.#helperKey.split(' ');
    this.#helperFindings = [];
    if (findings.length === 0) return;
    const table = new ChangedTable(this.#work, this.#undo, this.#schema, name);
    const columns = helperTables.find((one) => one.name === name)?.columns ?? [];
    const surplus = findings.flatMap((one) => (one.kind === 'helper-surplus' ? [one.row.id] : []));
    for (let at = 0; at < surplus.length; at += batch)
      await table.delete(surplus.slice(at, at + batch));
    for (const finding of findings) {
      if (finding.kind !== 'lost-close' && finding.kind !== 'helper-differs') continue;
      // The domain is that of the account when the interval was opened, and stays.
      const cells = columns.flatMap(({ name: column }, at) =>
        column === 'domain_id' ? [] : [[column, finding.wanted.cells[at] ?? null] as const],
      );
      await table.update(finding.row.id, Object.fromEntries(cells));
    }
    const lost = findings.flatMap((one) => (one.kind === 'lost-open' ? [one.wanted.cells] : []));
    for (let at = 0; at < lost.length; at += batch) {
      const rows = lost.slice(at, at + batch).map((cells) => [accountId, ...cells]);
      const names = ['account_id', ...columns.map((column) => column.name)];
      this.plan.counts.helperRefused += await table.insert(names, rows);
    }
  }
}
