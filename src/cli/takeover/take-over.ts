import { beginWithStates } from '../../aggregate/base-state.ts';
import type { BaseAccount } from '../../aggregate/base-state.ts';
import { ensureGeneration } from '../../aggregate/generation.ts';
import type { GenerationOptions } from '../../aggregate/generation.ts';
import { sqlDateTime } from '../../contracts/time.ts';
import type { EpochMs, Window } from '../../contracts/time.ts';
import { javaState } from '../../domain/java-state.ts';
import type { TakenRow } from '../../domain/java-state.ts';
import { intervalTables } from '../../domain/helper-tables.ts';
import type { QuirkSet } from '../../domain/quirks.ts';
import { AppError } from '../../platform/errors.ts';
import { sinkHostPrefix } from '../../sink/sink-options.ts';
import { quoteName } from '../../platform/mysql.ts';
import type { Connection, Pool, RowDataPacket } from '../../platform/mysql.ts';
import {
  findProblems,
  lastJob,
  refuseLiveJava,
  refuseProblems,
  underJobLock,
} from './java-jobs.ts';
import type { LastJob, Problem } from './java-jobs.ts';
import { nameAt, refuseLeadingSink, windowsFrom } from './boundary.ts';
import type { PlaceOf } from './place-accounts.ts';
import { readJavaAccounts } from './read-java-accounts.ts';
import type { ReadRows } from './read-java-accounts.ts';

export interface TakeoverOptions {
  /** Of the generation that begins; its name is made of the boundary when it is null. */
  readonly generation: Omit<GenerationOptions, 'name'> & { readonly name: string | null };
  readonly quirks: QuirkSet;
  readonly cloudUsageSchema: string;
  readonly despite: ReadonlySet<string>;
  /** What a whole audit says, for tables that no sink of ours has written yet. */
  readonly audit: () => Promise<readonly Problem[]>;
  readonly dryRun: boolean;
  readonly doneBy: string;
  readonly placeOf: PlaceOf;
}

export interface Takeover {
  readonly generation: string;
  /** The first window that is ours. */
  readonly window: Window;
  readonly lastJob: LastJob;
  readonly accounts: number;
  /** Rows that are in the states, by table. */
  readonly rows: Readonly<Record<string, number>>;
  /** Counters that go on from their last totals. */
  readonly counters: { readonly network: number; readonly disk: number };
  /** Rows of which no event is known that opened them. */
  readonly withoutEvent: number;
  readonly problems: readonly Problem[];
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
    return await underJobLock(connection, async () => {
      await refuseLiveJava(connection, cloudUsageSchema);
      await refuseLeadingSink(connection, wanted.schema);
      const last = await lastJob(connection, cloudUsageSchema);
      if (last === null)
        throw new AppError('TAKEOVER_REFUSED', {
          problems: ['no job of usage_job has ever succeeded: there is nothing to go on from'],
        });
      const { spec, window } = windowsFrom(last.boundaryMs, wanted.window);
      const name = wanted.name ?? nameAt(last.boundaryMs);
      const problems = await findProblems(connection, cloudUsageSchema, last);
      // What our own sink published last and handed back was compared then.
      if (!despite.has('damage') && !last.host.startsWith(sinkHostPrefix))
        problems.push(...(await options.audit()));
      const isDone = !dryRun && (await isBegun(connection, wanted.schema, name, window));
      if (!isDone && !dryRun) refuseProblems(problems, despite);
      const made = dryRun ? null : await ensureGeneration(pool, { ...wanted, window: spec, name });
      const counts = new Counts();
      await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
      await connection.query('START TRANSACTION WITH CONSISTENT SNAPSHOT');
      try {
        const pages = readPages(connection, options, window.startMs, counts);
        if (made === null || isDone) for await (const _page of pages);
        else {
          await refuseWorkers(connection, wanted.schema, name, made.id);
          const base = { generation: made.id, startMs: window.startMs };
          const events = eventsSql(made.id, cloudUsageSchema);
          const isAll = problems.some((problem) => problem.name === 'no-event-copies');
          await beginWithStates(
            connection,
            wanted.schema,
            isAll ? base : { ...base, eventsSql: events },
            written(connection, wanted.schema, made.id, pages),
          );
        }
        const result: Takeover = {
          ...{ generation: name, window, lastJob: last, problems, isDone },
          ...counts.all(),
        };
        if (made !== null) await makeLive(connection, options, made.id, result);
        await connection.query(dryRun ? 'ROLLBACK' : 'COMMIT');
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

class Counts {
  #accounts = 0;
  #withoutEvent = 0;
  readonly #rows: Record<string, number> = {};
  readonly #counters = { network: 0, disk: 0 };

  add(
    { intervals }: BaseAccount['state'],
    { networkBases, diskBases, rows }: Parameters<typeof javaState>[0],
  ): void {
    this.#accounts++;
    for (const [name, list] of Object.entries(intervals)) {
      const { name: table } = intervalTables[name as keyof typeof intervals];
      this.#rows[table] = (this.#rows[table] ?? 0) + list.length;
    }
    this.#counters.network += networkBases.length;
    this.#counters.disk += diskBases.length;
    this.#withoutEvent += rows.filter(({ openedBy }) => openedBy === null).length;
  }

  all(): Pick<Takeover, 'accounts' | 'rows' | 'counters' | 'withoutEvent'> {
    return {
      accounts: this.#accounts,
      rows: this.#rows,
      counters: this.#counters,
      withoutEvent: this.#withoutEvent,
    };
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
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT MIN(b.start_ms) AS start_ms FROM ${quoteName(schema, 'base_state')} AS b
     JOIN ${quoteName(schema, 'generation')} AS g ON g.id = b.generation WHERE g.name = ?`,
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
  generation: number,
): Promise<void> {
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT epoch, next_offset FROM ${quoteName(schema, 'progress')} WHERE generation = ? FOR UPDATE`,
    [generation],
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
