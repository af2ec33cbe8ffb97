import { cloudUsageColumns, textColumns } from '../domain/usage-columns.ts';
import { AppError } from '../platform/errors.ts';
import { quoteName } from '../platform/mysql.ts';
import type { Session } from './session.ts';

const jobColumns = [
  'id',
  'host',
  'pid',
  'job_type',
  'scheduled',
  'start_millis',
  'end_millis',
  'exec_time',
  'start_date',
  'end_date',
  'success',
  'heartbeat',
] as const;

/** Columns of one INSERT … SELECT: targets, and the expressions over `record` that fill them. */
export interface CopyColumns {
  readonly targets: string;
  readonly sources: string;
  /** As `sources`, with `?` for every character that the target cannot hold. */
  readonly reducedSources: string;
  /** True for a row of `record` that needs `reducedSources`. */
  readonly isReduced: string;
  /** The same one by one, over `record` under an alias; every source as its target can hold it. */
  readonly pairs: (
    alias: string,
  ) => readonly { readonly target: string; readonly source: string }[];
}

/**
 * Looks at CloudStack's two tables.
 *
 * Text columns are utf8mb3 there: a character outside the basic plane (an emoji in a VM's name) cannot
 * be stored. The Java server fails on such a row, and a cloud with one such VM is billed nothing. Here
 * the character becomes `?`, as MySQL's own lossy conversion has it; our `record` keeps the original.
 *
 * @throws CLOUD_USAGE_MISSING when a table or column is missing, or this user may not see it
 */
export async function inspectCloudUsage(session: Session, schema: string): Promise<CopyColumns> {
  const rows = await session.rows(
    `SELECT TABLE_NAME AS t, COLUMN_NAME AS c, CHARACTER_SET_NAME AS charset
     FROM information_schema.COLUMNS
     WHERE TABLE_SCHEMA = ? AND TABLE_NAME IN ('cloud_usage', 'usage_job')`,
    [schema],
  );
  const charsets = new Map(
    rows.map((row) => [`${String(row['t'])}.${String(row['c'])}`, row['charset']]),
  );
  const wanted = [
    ...['id', 'quota_calculated', ...cloudUsageColumns].map((c) => `cloud_usage.${c}`),
    ...jobColumns.map((c) => `usage_job.${c}`),
  ];
  const missing = wanted.filter((column) => !charsets.has(column));
  if (missing.length > 0) throw new AppError('CLOUD_USAGE_MISSING', { schema, missing });
  // `record` has them by the same names.
  const all = cloudUsageColumns.map((c) => quoteName(c));
  const narrow = textColumns
    .filter((c) => charsets.get(`cloud_usage.${c}`) !== 'utf8mb4')
    .map((c) => quoteName(c));
  const reduced = all.map((c) => (narrow.includes(c) ? basicPlane(c) : c));
  return {
    targets: all.join(', '),
    sources: all.join(', '),
    reducedSources: reduced.join(', '),
    isReduced: narrow.length === 0 ? 'FALSE' : beyondBasicPlane(narrow),
    pairs: (alias) =>
      all.map((target) => {
        const source = `${alias}.${target}`;
        const isWide = beyondBasicPlane([source]);
        return narrow.includes(target)
          ? { target, source: `IF(${isWide}, ${basicPlane(source)}, ${source})` }
          : { target, source };
      }),
  };
}

/** The pattern's back-slashes are doubled: they are read by SQL first, then by PCRE or ICU. */
const basicPlane = (column: string): string =>
  String.raw`REGEXP_REPLACE(${column}, '[\\x{10000}-\\x{10FFFF}]', '?')`;

/**
 * In UTF-16 only characters beyond the basic plane take four bytes. Asked before a pattern is used, because
 * to compile one costs 3 ms a column and statement: more than all else for a window of few rows.
 */
function beyondBasicPlane(columns: readonly string[]): string {
  const text = `CONCAT_WS('', ${columns.join(', ')})`;
  const isAscii = `LENGTH(${text}) = CHAR_LENGTH(${text})`;
  return `(NOT ${isAscii} AND LENGTH(CONVERT(${text} USING utf16)) <> 2 * CHAR_LENGTH(${text}))`;
}
