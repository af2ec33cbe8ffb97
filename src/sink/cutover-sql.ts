import { quoteName } from '../platform/mysql.ts';
import type { StoreTables } from './store-tables.ts';

/** Columns of `record` that say what was used: all but whose they are, and where they are published. */
const contentColumns = [
  ...['window_start_ms', 'account_id', 'record_id', 'window_end_ms', 'partition_id', 'kind'],
  ...['usage_type', 'natural_key', 'quantity', 'zone_id', 'domain_id', 'description'],
  ...['usage_display', 'raw_usage', 'vm_instance_id', 'vm_name', 'offering_id', 'template_id'],
  ...['usage_id', 'type', 'size', 'network_id', 'virtual_size', 'cpu_speed', 'cpu_cores'],
  ...['memory', 'is_hidden', 'state', 'start_date', 'end_date', 'lineage'],
].map((name) => quoteName(name));
const madeColumns = [
  ...['account_id', 'window_start_ms', 'correction_id', 'window_end_ms', 'partition_id'],
  ...['usage_type', 'natural_key', 'record_id', 'old_quantity', 'new_quantity', 'delta', 'reason'],
  ...['event_ids', 'action', 'appended_record_id', 'made_start_ms', 'made_end_ms', 'revision'],
].map((name) => quoteName(name));
/** What became of an amend. */
const amendColumns = [
  ...['changes', 'state', 'state_reason', 'amend_to', 'amended_id', 'amended_from'],
  ...['amended_into', 'amended_at'],
].map((name) => quoteName(name));

/** Of a correction that a cutover makes. */
export const madeContent = madeColumns.join(', ');
export const recordContent = contentColumns.join(', ');
export const correctionContent = [...madeColumns, ...amendColumns].join(', ');

/** What is published of a record: lineage and identity do not count. */
const publishedColumns = contentColumns.slice(9, -1);

/** True when two records, `o` and `n`, would be published alike. */
export const isAlike = publishedColumns.map((c) => `o.${c} <=> n.${c}`).join(' AND ');

/** The windows `p` that a generation published into CloudStack's tables. One value: the generation. */
export const windowsOf = (t: StoreTables): string =>
  `(SELECT window_start_ms FROM ${t.publishedWindow} WHERE generation = ? AND mode = 'primary') AS p`;

/** The record of a window `p` of a generation, under an alias. One value: the generation. */
export const recordOf = (t: StoreTables, alias: string): string =>
  `${t.record} AS ${alias} ON ${alias}.generation = ? AND ${alias}.window_start_ms = p.window_start_ms`;

/** The record of the same key in another generation. One value: the generation. */
export const sameKey = (t: StoreTables, alias: string, of: string): string =>
  `${t.record} AS ${alias} ON ${alias}.generation = ? AND ${alias}.window_start_ms = ${of}.window_start_ms
     AND ${alias}.account_id = ${of}.account_id AND ${alias}.record_id = ${of}.record_id`;

/** Accounts with charged rows, and the newest window that has one. One value: the generation. */
export const chargedAccounts = (t: StoreTables): string =>
  `SELECT o.account_id, MAX(o.window_start_ms) AS until_ms
   FROM ${t.record} o JOIN ${t.cloudUsage} c ON c.id = o.cloud_usage_id
   WHERE o.generation = ? AND c.quota_calculated = 1 GROUP BY o.account_id`;

/** What tells rows of a window and account apart without their keys. */
const likeness = (alias: string): string => {
  const named = [
    'usage_type',
    'zone_id',
    'usage_id',
    'vm_instance_id',
    'offering_id',
    'template_id',
  ];
  const cells = [...named, 'network_id', 'type', 'cpu_speed', 'cpu_cores', 'memory'].map(
    (name) => `COALESCE(${alias}.${quoteName(name)}, '-')`,
  );
  return `CONCAT_WS('|', ${cells.join(', ')})`;
};

/** Records of a generation whose key another has not, numbered among those that look alike. */
const loneRows = (t: StoreTables, alias: string, other: string): string =>
  `(SELECT ${alias}.window_start_ms, ${alias}.account_id, ${alias}.record_id, ${alias}.natural_key,
      ${likeness(alias)} AS likeness,
      ROW_NUMBER() OVER (PARTITION BY ${alias}.window_start_ms, ${alias}.account_id, ${likeness(alias)}
        ORDER BY ${alias}.raw_usage, ${alias}.record_id) AS seq
    FROM ${windowsOf(t)} STRAIGHT_JOIN ${recordOf(t, alias)}
    LEFT JOIN ${sameKey(t, other, alias)}
    WHERE ${other}.record_id IS NULL AND ${alias}.kind = 'usage')`;

/**
 * Rows of two generations that are the same row under other keys. Six values; see {@link pairValues}.
 */
export const pairRows = (t: StoreTables): string =>
  `SELECT a.window_start_ms, a.account_id, a.record_id AS from_record, b.record_id AS to_record,
     b.natural_key AS to_key
   FROM ${loneRows(t, 'o', 'n')} a JOIN ${loneRows(t, 'n', 'o')} b
     ON b.window_start_ms = a.window_start_ms AND b.account_id = a.account_id
     AND b.likeness = a.likeness AND b.seq = a.seq`;
export const pairValues = (from: number, to: number): number[] => [from, from, to, from, to, from];

/** The pair `q` of a record, if any, by its side. */
export const pairOf = (table: string, alias: string, side: 'from_record' | 'to_record'): string =>
  `${table} AS q ON q.window_start_ms = ${alias}.window_start_ms
     AND q.account_id = ${alias}.account_id AND q.${side} = ${alias}.record_id`;
