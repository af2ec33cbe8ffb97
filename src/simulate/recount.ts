import type { EpochMs } from '../contracts/time.ts';
import { quoteName } from '../platform/mysql.ts';
import type { Connection, RowDataPacket } from '../platform/mysql.ts';
import {
  countExpected,
  expectRows,
  findings,
  makeWindows,
  readRows,
  rowsBy,
} from './recount-compare.ts';
import {
  addresses,
  allocatedVms,
  attachedVolumes,
  copyEvents,
  countSteps,
  makeCards,
  makeIntervals,
  networkOfferings,
  numberNicEvents,
  runningVms,
  tableNames,
  takeStep,
  volumes,
} from './recount-intervals.ts';

export interface RecountOptions {
  readonly cloudSchema: string;
  readonly cloudUsageSchema: string;
  /** Start of the first closed window. */
  readonly fromMs: EpochMs;
  /** End of the last closed window. */
  readonly untilMs: EpochMs;
  /** Windows follow one another from `fromMs` in steps of this, in GMT. */
  readonly rangeMinutes: number;
}

export type Finding = 'missing' | 'surplus' | 'different' | 'duplicates';

export interface RecountExample {
  readonly finding: Finding;
  readonly accountId: string;
  readonly usageType: number;
  /** What the row is about: ids in the order of the usage server's key. */
  readonly identity: string;
  readonly startMs: EpochMs;
  readonly endMs: EpochMs;
  readonly expected: string | null;
  readonly found: string | null;
}

export interface Recount {
  /** Rows that the recount expects. */
  readonly expected: number;
  /** Rows of the recounted types in cloud_usage that touch the time. */
  readonly rows: number;
  /** Expected but not there. */
  readonly missing: number;
  /** There but not expected: another key, another window. */
  readonly surplus: number;
  /** There with other milliseconds (beyond a 32-bit float) or other attributes. */
  readonly different: number;
  /** There more than once; each repetition counts. */
  readonly duplicates: number;
  /** Rows found, by usage type and by account id. */
  readonly byType: ReadonlyMap<number, number>;
  readonly byAccount: ReadonlyMap<string, number>;
  /** Up to ten of each finding. */
  readonly examples: readonly RecountExample[];
}

/**
 * Counts usage again, from the events in `cloud` and in SQL alone, and compares it with `cloud_usage`,
 * row by row, for the types 1, 2, 3, 6 and 13 as CloudStack 4.23 bills them (preset `java-4.23`).
 * Writes nothing but temporary tables of the connection.
 */
export async function recount(connection: Connection, options: RecountOptions): Promise<Recount> {
  const cloud = quoteName(options.cloudSchema);
  const u = quoteName(options.cloudUsageSchema);
  const [fromS, untilS] = [options.fromMs / 1000, options.untilMs / 1000];
  const drop = `DROP TEMPORARY TABLE IF EXISTS ${tableNames.map((name) => `${u}.${name}`).join(', ')}`;
  const run = (sql: string): Promise<unknown> => connection.query(sql);
  await run(drop);
  // FROM_UNIXTIME(0) must be 1970 in GMT.
  await run(`SET SESSION time_zone = '+00:00'`);
  await run(copyEvents(cloud, u, untilS));
  await run(makeIntervals(u));
  for (const make of [runningVms, allocatedVms, addresses, volumes, attachedVolumes])
    await run(make(u));
  await walkCards(connection, u);
  await run(makeWindows(u));
  await connection.query(`INSERT INTO ${u}.recount_window VALUES ?`, [windows(options)]);
  await run(expectRows(cloud, u));
  await run(readRows(u, fromS, untilS));
  const result = await compare(connection, u);
  await run(drop);
  return result;
}

/** One pair of statements a step: as many steps as the busiest machine has events of its cards. */
async function walkCards(connection: Connection, u: string): Promise<void> {
  await connection.query(numberNicEvents(u));
  await connection.query(makeCards(u));
  const [rows] = await connection.query<RowDataPacket[]>(countSteps(u));
  const steps = Number(rows[0]?.['steps']);
  for (let step = 1; step <= steps; step += 1)
    for (const sql of takeStep(u, step)) await connection.query(sql);
  await connection.query(networkOfferings(u));
}

function windows({ fromMs, untilMs, rangeMinutes }: RecountOptions): [number, number][] {
  const [fromS, untilS, stepS] = [fromMs / 1000, untilMs / 1000, rangeMinutes * 60];
  const count = (untilS - fromS) / stepS;
  if (!Number.isInteger(count) || count < 1)
    throw new RangeError(
      `from ${fromMs} to ${untilMs} are not whole windows of ${rangeMinutes} min`,
    );
  return Array.from({ length: count }, (_, i) => [fromS + i * stepS, fromS + (i + 1) * stepS]);
}

async function compare(connection: Connection, u: string): Promise<Recount> {
  const counts = { missing: 0, surplus: 0, different: 0, duplicates: 0 };
  const examples: RecountExample[] = [];
  for (const [name, select] of Object.entries(findings(u))) {
    const finding = name as Finding;
    const [rows] = await connection.query<RowDataPacket[]>(
      `SELECT f.*, COUNT(*) OVER () AS count FROM (${select}) f ORDER BY start_s, account_id, usage_type, identity LIMIT 10`,
    );
    counts[finding] = Number(rows[0]?.['count'] ?? 0);
    examples.push(...rows.map((row) => example(finding, row)));
  }
  const perType = await countBy(connection, rowsBy(u, 'usage_type'));
  const perAccount = await countBy(connection, rowsBy(u, 'account_id'));
  const [[expected]] = await connection.query<RowDataPacket[]>(countExpected(u));
  return {
    expected: Number(expected?.['n']),
    rows: perType.reduce((sum, [, rows]) => sum + rows, 0),
    ...counts,
    byType: new Map(perType.map(([type, rows]) => [Number(type), rows])),
    byAccount: new Map(perAccount),
    examples,
  };
}

async function countBy(connection: Connection, sql: string): Promise<[string, number][]> {
  const [rows] = await connection.query<RowDataPacket[]>(sql);
  return rows.map((row) => [String(row['name']), Number(row['n'])]);
}

const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);

const example = (finding: Finding, row: RowDataPacket): RecountExample => ({
  finding,
  accountId: String(row['account_id']),
  usageType: Number(row['usage_type']),
  identity: String(row['identity']),
  startMs: Number(row['start_s']) * 1000,
  endMs: Number(row['end_s']) * 1000,
  expected: textOrNull(row['expected']),
  found: textOrNull(row['found']),
});
