import type { EpochMs } from '../../contracts/time.ts';
import { quirkSet } from '../../domain/quirks.ts';
import type { Preset, QuirkSet } from '../../domain/quirks.ts';
import { crashPoint } from '../../platform/crash-points.ts';
import { AppError } from '../../platform/errors.ts';
import type { MysqlTarget, Pool } from '../../platform/mysql.ts';
import { copyWaiting } from '../../sink/copy-events.ts';
import { Session } from '../../sink/session.ts';
import { sinkHostPrefix } from '../../sink/sink-options.ts';
import { storeTables } from '../../sink/store-tables.ts';
import type { StoreTables } from '../../sink/store-tables.ts';
import { underJobLock } from '../../sink/usage-job.ts';
import { handbackProblems } from './handback-problems.ts';
import { writeTables } from './write-tables.ts';
import { refuseLiveJava } from './java-jobs.ts';
import type { Problem } from './java-jobs.ts';

export interface HandbackOptions {
  readonly schema: string;
  readonly cloudUsageSchema: string;
  readonly generation: string;
  readonly despite: ReadonlySet<string>;
  readonly dryRun: boolean;
  /** Makes the helper tables from the states, where they were not kept. */
  readonly writesTables: boolean;
  readonly doneBy: string;
  /** Publishes every window that ends by then, as the sink does. */
  readonly publish: (untilMs: EpochMs) => Promise<void>;
}

export interface Handback {
  readonly generation: string;
  /** Start of the first window that is the Java server's. */
  readonly boundaryMs: EpochMs;
  /** Closed windows that were published first, or would be. */
  readonly waitingUntilMs: EpochMs | null;
  /** Intervals and counters that were compared with the helper tables. */
  readonly compared: number;
  /** Events of later windows that were copied, so that the server finds them. */
  readonly copiedEvents: number;
  readonly problems: readonly Problem[];
  readonly isDone: boolean;
}

export interface HandedGeneration {
  readonly id: number;
  readonly name: string;
  readonly quirks: QuirkSet;
}

/**
 * Leaves CloudStack's tables so that a Java usage server goes on with the next window, and ends the generation:
 * publishes what is closed, compares the helper tables with the states, copies what the server would not find,
 * gives up the open job. Killed at any instant it can be run again.
 *
 * @throws SINK_NOT_ALONE, HANDBACK_REFUSED, STORE_*, and what `publish` throws
 */
export async function handBack(
  pool: Pool,
  store: MysqlTarget,
  options: HandbackOptions,
): Promise<Handback> {
  const { schema, cloudUsageSchema, dryRun } = options;
  const t = storeTables(schema, cloudUsageSchema);
  await using work = await Session.open(store, 10);
  const generation = await findGeneration(work, t, options.generation);
  const done = await work.row(
    `SELECT kind, boundary_ms FROM ${t.handover} WHERE generation = ? ORDER BY id DESC LIMIT 1`,
    [generation.id],
  );
  if (done?.['kind'] === 'handback')
    return {
      ...{ generation: generation.name, boundaryMs: Number(done['boundary_ms']), isDone: true },
      ...{ waitingUntilMs: null, compared: 0, copiedEvents: 0, problems: [] },
    };
  const reading = await pool.getConnection();
  try {
    await refuseLiveJava(reading, cloudUsageSchema);
    await refuseLeadingSink(work, t, '');
    const { closedMs, publishedMs } = await frontierOf(work, t, generation.id);
    const waitingUntilMs = closedMs !== null && closedMs > (publishedMs ?? 0) ? closedMs : null;
    if (waitingUntilMs !== null && !dryRun) await options.publish(waitingUntilMs);
    crashPoint('handback.published');
    let result: Handback | undefined;
    const isAlone = await underJobLock(work, () =>
      work.transaction(async () => {
        await refuseLeadingSink(work, t, dryRun ? '' : 'FOR UPDATE');
        const { publishedMs: boundaryMs } = await frontierOf(work, t, generation.id);
        if (boundaryMs === null) {
          const what = `generation ${generation.name} has published no window in mode primary`;
          if (!dryRun || waitingUntilMs === null) throw refused([what]);
          result = {
            generation: generation.name,
            boundaryMs: waitingUntilMs,
            waitingUntilMs,
            compared: 0,
            copiedEvents: 0,
            problems: [],
            isDone: false,
          };
          return;
        }
        const context = { work, reading, t, cloudUsageSchema, generation, boundaryMs };
        if (options.writesTables && !dryRun) await writeTables(context);
        crashPoint('handback.tables-written');
        const { problems, compared } = await handbackProblems(context, {
          waitingUntilMs: dryRun ? waitingUntilMs : null,
          comparesTables: !dryRun || (waitingUntilMs === null && !options.writesTables),
        });
        if (!dryRun) refuseHandback(problems, options.despite);
        const copiedEvents = dryRun ? 0 : await copyRest(context);
        crashPoint('handback.events-copied');
        result = {
          ...{ generation: generation.name, boundaryMs, waitingUntilMs, compared },
          ...{ copiedEvents, problems, isDone: false },
        };
        if (!dryRun) await giveUp(context, options, result);
        crashPoint('handback.before-commit');
      }),
    );
    crashPoint('handback.after-commit');
    if (!isAlone) throw new AppError('STORE_BUSY', { lock: 'usage.job.heartbeat.check' });
    if (!result) throw new Error('nothing was handed back');
    return result;
  } finally {
    reading.release();
  }
}

export interface HandbackContext {
  readonly work: Session;
  readonly reading: Awaited<ReturnType<Pool['getConnection']>>;
  readonly t: StoreTables;
  readonly cloudUsageSchema: string;
  readonly generation: HandedGeneration;
  readonly boundaryMs: EpochMs;
}

/** @throws HANDBACK_REFUSED with what is not passed over */
export function refuseHandback(problems: readonly Problem[], despite: ReadonlySet<string>): void {
  const left = problems.filter(({ name }) => name === null || !despite.has(name));
  if (left.length > 0)
    throw refused(left.map(({ name, what }) => (name === null ? what : `${name}: ${what}`)));
}

const refused = (problems: readonly string[]): AppError =>
  new AppError('HANDBACK_REFUSED', { problems });

async function findGeneration(
  work: Session,
  t: StoreTables,
  name: string,
): Promise<HandedGeneration> {
  const row = await work.row(`SELECT id, preset, settings FROM ${t.generation} WHERE name = ?`, [
    name,
  ]);
  if (!row) throw refused([`there is no generation ${name}: give --generation`]);
  const { quirks = {} } = JSON.parse(String(row['settings'])) as { quirks?: Partial<QuirkSet> };
  return {
    id: Number(row['id']),
    name,
    quirks: quirkSet(String(row['preset']) as Preset, quirks),
  };
}

async function frontierOf(work: Session, t: StoreTables, generation: number) {
  const closed = await work.row(
    `SELECT IF(COUNT(*) = COUNT(closed_until_ms), MIN(closed_until_ms), NULL) AS ms
     FROM ${t.progress} WHERE generation = ?`,
    [generation],
  );
  const published = await work.row(
    `SELECT MAX(window_end_ms) AS ms FROM ${t.publishedWindow}
     WHERE generation = ? AND mode = 'primary'`,
    [generation],
  );
  const msOf = (row: typeof closed) => (row?.['ms'] == null ? null : Number(row['ms']));
  return { closedMs: msOf(closed), publishedMs: msOf(published) };
}

/** @param lock `FOR UPDATE`: none can begin to lead before the transaction ends, and then it looks. */
async function refuseLeadingSink(work: Session, t: StoreTables, lock: string): Promise<void> {
  const rows = await work.rows(
    `SELECT name, owner, expires_at > UTC_TIMESTAMP(3) AS held FROM ${t.lease} ${lock}`,
  );
  const leader = rows.find((row) => row['name'] === 'sink' && Number(row['held']) === 1);
  if (leader)
    throw refused([`a sink of UsageStream leads (${String(leader['owner'])}): stop it first`]);
}

/** Events that a Java server would not look for, because ids above theirs are copied. */
async function copyRest(context: HandbackContext): Promise<number> {
  const { work, t, cloudUsageSchema, generation, boundaryMs } = context;
  const highest = await work.row(
    `SELECT CAST(COALESCE(MAX(id), 0) AS CHAR) AS id FROM ${cloudUsageEvents(context)}`,
  );
  const helpers = { work, t, cloudUsageSchema, generation: generation.id };
  const below = String(highest?.['id'] ?? 0);
  return copyWaiting(helpers, { above: '0', below, fromMs: boundaryMs });
}

const cloudUsageEvents = ({ cloudUsageSchema }: HandbackContext): string =>
  `\`${cloudUsageSchema.replaceAll('`', '``')}\`.usage_event`;

/** What a Java server does when it is stopped: its open rows go, so that another begins at once. */
async function giveUp(
  { work, t, generation, boundaryMs }: HandbackContext,
  { doneBy }: HandbackOptions,
  result: Handback,
): Promise<void> {
  await work.run(
    `DELETE FROM ${t.usageJob} WHERE end_millis = 0 AND success IS NULL AND host LIKE ?`,
    [`${sinkHostPrefix}%`],
  );
  await work.run(`UPDATE ${t.generation} SET state = 'retired' WHERE id = ?`, [generation.id]);
  await work.run(
    `INSERT INTO ${t.handover} (generation, kind, boundary_ms, done_by, facts)
     VALUES (?, 'handback', ?, ?, ?)`,
    [generation.id, boundaryMs, doneBy, JSON.stringify(result)],
  );
}
