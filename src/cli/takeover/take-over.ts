import { beginWithStates } from '../../aggregate/base-state.ts';
import type { BaseAccount } from '../../aggregate/base-state.ts';
import { ensureGeneration, refuseOtherGeneration } from '../../aggregate/generation.ts';
import type { GenerationOptions } from '../../aggregate/generation.ts';
import { sqlDateTime } from '../../contracts/time.ts';
import type { EpochMs, Window } from '../../contracts/time.ts';
import { javaState } from '../../domain/java-state.ts';
import type { TakenRow } from '../../domain/java-state.ts';
import { intervalTables } from '../../domain/helper-tables.ts';
import type { Preset, QuirkSet } from '../../domain/quirks.ts';
import { crashPoint } from '../../platform/crash-points.ts';
import { AppError } from '../../platform/errors.ts';
import { sinkHostPrefix } from '../../sink/sink-options.ts';
import { quoteName } from '../../platform/mysql.ts';
import type { Connection, Pool, RowDataPacket } from '../../platform/mysql.ts';
import { findProblems, refuseProblems, underJobLock } from './java-jobs.ts';
import type { LastJob, Problem } from './java-jobs.ts';
import type { Audited } from './audit-tables.ts';
import { beginning, isBeyondRepair, refuseWritten } from './before-takeover.ts';
import type { PlaceOf } from './place-accounts.ts';
import { readJavaAccounts } from './read-java-accounts.ts';
import type { ReadRows } from './read-java-accounts.ts';
import { Counts } from './takeover-counts.ts';
import type { TakenCounts } from './takeover-counts.ts';

export interface TakeoverOptions {
  /** Of the generation that begins; its name is made of the boundary when it is null. */
  readonly generation: Omit<GenerationOptions, 'name'> & { readonly name: string | null };
  readonly quirks: QuirkSet;
  readonly cloudUsageSchema: string;
  readonly despite: ReadonlySet<string>;
  /** A whole audit, for tables that no sink of ours has written yet; mends them first where that was asked for. */
  readonly audit: () => Promise<Audited>;
  readonly dryRun: boolean;
  readonly doneBy: string;
  readonly placeOf: PlaceOf;
}

export interface Takeover extends TakenCounts {
  readonly generation: string;
  /** By which it bills: the preset, and where it has others. */
  readonly rules: { readonly preset: Preset; readonly quirks: Partial<QuirkSet> };
  /** The first window that is ours. */
  readonly window: Window;
  readonly lastJob: LastJob;
  readonly problems: readonly Problem[];
  /** What was repaired first, or would be. */
  readonly repair: Audited['repair'];
  /** It was done before: nothing was changed now, but for the generation being live. */
  readonly isDone: boolean;
}

/**
 * Makes what a Java usage server left the beginning of a generation, and that generation the live one; all in one
 * transaction, under the lock by which usage servers take turns. Killed at any instant it can be run again.
 *
 * @throws SINK_NOT_ALONE, TAKEOVER_REFUSED, GENERATION_MISMATCH, STORE_*
 */
export async function takeOver(pool: Pool, options: TakeoverOptions): Promise<Takeover> {
  const { cloudUsageSchema, despite, dryRun, generation: wanted } = options;
  const connection = await pool.getConnection();
  try {
    // Reading everything takes long, and nobody else could start meanwhile: before the lock.
    const first = await beginning(connection, options);
    // What our own sink published last and handed back was compared then.
    const isOurs = first.last.host.startsWith(sinkHostPrefix);
    const audited = isOurs || despite.has('damage') ? null : await options.audit();
    return await underJobLock(connection, async () => {
      const { last, spec, window, name } = await beginning(connection, options);
      if (audited !== null) await refuseWritten(connection, cloudUsageSchema, audited);
      const problems = await findProblems(connection, cloudUsageSchema, last);
      const isMended = audited?.repair != null && audited.problems.length === 0;
      if (isMended) problems.splice(0, problems.length, ...problems.filter(isBeyondRepair));
      problems.push(...(audited?.problems ?? []));
      const isDone = await isBegun(connection, wanted.schema, name, window);
      if (!isDone && !dryRun) refuseProblems(problems, despite);
      if (dryRun) {
        await refuseOtherGeneration(pool, { ...wanted, window: spec, name });
        if (!isDone) await refuseWorkers(connection, wanted.schema, name);
      }
      const made = dryRun ? null : await ensureGeneration(pool, { ...wanted, window: spec, name });
      crashPoint('takeover.generation-made');
      const counts = new Counts();
      await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
      await connection.query('START TRANSACTION WITH CONSISTENT SNAPSHOT');
      try {
        const pages = readPages(connection, options, window.startMs, counts);
        if (made === null || isDone) for await (const _page of pages);
        else {
          await refuseWorkers(connection, wanted.schema, name, 'FOR UPDATE');
          const base = { generation: made.id, startMs: window.startMs };
          const events = eventsSql(made.id, cloudUsageSchema);
          const isAll = problems.some((problem) => problem.name === 'no-event-copies');
          await beginWithStates(
            connection,
            wanted.schema,
            isAll ? base : { ...base, eventsSql: events },
            written(connection, wanted.schema, made.id, pages),
          );
          crashPoint('takeover.states-written');
        }
        const result: Takeover = {
          ...{ generation: name, window, lastJob: last, problems, isDone },
          rules: { preset: wanted.preset, quirks: wanted.quirkOverrides },
          repair: audited?.repair ?? null,
          ...counts.all(),
        };
        if (made !== null) await makeLive(connection, options, made.id, result);
        crashPoint('takeover.before-commit');
        await connection.query(dryRun ? 'ROLLBACK' : 'COMMIT');
        crashPoint('takeover.after-commit');
        return result;
      } catch (error) {
        await connection.query('ROLLBACK');
        throw error;
      }
    });
  } finally {
    connection.destroy();
  }
}

interface Page {
  readonly accounts: readonly BaseAccount[];
  readonly taken: readonly (TakenRow & { readonly accountId: string })[];
}

async function* readPages(
  connection: Connection,
  { cloudUsageSchema, quirks, placeOf }: TakeoverOptions,
  startMs: EpochMs,
  counts: Counts,
): AsyncGenerator<Page> {
  const read: ReadRows = async (sql, values) => {
    const [rows] = await connection.query<RowDataPacket[]>(sql, values);
    return rows;
  };
  for await (const page of readJavaAccounts({ read, cloudUsageSchema, startMs, quirks })) {
    const accounts: BaseAccount[] = [];
    const taken: Page['taken'][number][] = [];
    for (const account of page) {
      const { accountId } = account;
      const read = readable(() => javaState(account, startMs, quirks), accountId);
      const rows = read.taken.map((row) => ({ ...row, accountId }));
      const isEmpty = rows.length + account.networkBases.length + account.diskBases.length === 0;
      const partition = placeOf(accountId, isEmpty);
      if (partition === null) continue;
      counts.add(read.state, account);
      accounts.push({ partition, state: read.state });
      taken.push(...rows);
    }
    yield { accounts, taken };
  }
}

/** Remembers which rows the intervals are, so that later windows change these rows. */
async function* written(
  connection: Connection,
  schema: string,
  generation: number,
  pages: AsyncIterable<Page>,
): AsyncGenerator<readonly BaseAccount[]> {
  for await (const { accounts, taken } of pages) {
    const rows = taken.map(({ table, accountId, serial, id }) => [
      ...[generation, intervalTables[table].name, accountId, serial, id],
    ]);
    for (let at = 0; at < rows.length; at += 1000)
      await connection.query(
        `INSERT INTO ${quoteName(schema, 'helper_row')}
           (generation, table_name, account_id, serial, helper_id) VALUES ?`,
        [rows.slice(at, at + 1000)],
      );
    yield accounts;
  }
}

function readable<T>(read: () => T, account: string): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new AppError('TAKEOVER_REFUSED', {
      problems: [`a row of account ${account} cannot be read: ${error.message}`],
    });
  }
}

async function isBegun(
  connection: Connection,
  schema: string,
  name: string,
  { startMs }: Window,
): Promise<boolean> {
  // Tables without any account leave no state, only the record.
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT COALESCE(
       (SELECT MIN(start_ms) FROM ${quoteName(schema, 'base_state')} WHERE generation = g.id),
       (SELECT MIN(boundary_ms) FROM ${quoteName(schema, 'handover')}
        WHERE generation = g.id AND kind = 'takeover')) AS start_ms
     FROM ${quoteName(schema, 'generation')} AS g WHERE g.name = ?`,
    [name],
  );
  const begun: unknown = rows[0]?.['start_ms'];
  if (begun === null || begun === undefined) return false;
  if (Number(begun) === startMs) return true;
  throw new AppError('TAKEOVER_REFUSED', {
    problems: [
      `generation ${name} begins at ${sqlDateTime(Number(begun))} GMT, not at ${sqlDateTime(startMs)}: give another name (--into)`,
    ],
  });
}

/** A worker that has begun would have to forget what it did. */
async function refuseWorkers(
  connection: Connection,
  schema: string,
  name: string,
  lock: '' | 'FOR UPDATE' = '',
): Promise<void> {
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT epoch, next_offset FROM ${quoteName(schema, 'progress')}
     WHERE generation = (SELECT id FROM ${quoteName(schema, 'generation')} WHERE name = ?) ${lock}`,
    [name],
  );
  if (rows.every((row) => Number(row['epoch']) === 0 && Number(row['next_offset']) === 0)) return;
  throw new AppError('TAKEOVER_REFUSED', {
    problems: [`generation ${name} was begun by a worker already: give another name (--into)`],
  });
}

/** Ranges of the ids that the Java server has processed; copies that an operator deleted at the old end count. */
function eventsSql(generation: number, cloudUsageSchema: string): string {
  const events = quoteName(cloudUsageSchema, 'usage_event');
  return `SELECT ${generation}, IF(n = 1, 0, first_id), last_id FROM (
      SELECT MIN(id) AS first_id, MAX(id) AS last_id, ROW_NUMBER() OVER (ORDER BY MIN(id)) AS n
      FROM (SELECT id, id - ROW_NUMBER() OVER (ORDER BY id) AS island
        FROM ${events} WHERE processed = 1) AS ids GROUP BY island) AS ranges`;
}

async function makeLive(
  connection: Connection,
  { generation: { schema }, doneBy }: TakeoverOptions,
  generation: number,
  result: Takeover,
): Promise<void> {
  const table = quoteName(schema, 'generation');
  await connection.query(`UPDATE ${table} SET state = 'retired' WHERE state = 'live' AND id <> ?`, [
    generation,
  ]);
  const [changed] = await connection.query(
    `UPDATE ${table} SET state = 'live' WHERE id = ? AND state <> 'live'`,
    [generation],
  );
  const isNews = (changed as { affectedRows: number }).affectedRows > 0;
  if (result.isDone && !isNews) return;
  await connection.query(
    `INSERT INTO ${quoteName(schema, 'handover')} (generation, kind, boundary_ms, done_by, facts)
     VALUES (?, 'takeover', ?, ?, ?)`,
    [generation, result.window.startMs, doneBy, JSON.stringify(result)],
  );
}
