import type { EpochMs } from '../../contracts/time.ts';
import { sqlDateTime } from '../../contracts/time.ts';
import { cloudUsageColumns } from '../../domain/usage-columns.ts';
import { AppError } from '../../platform/errors.ts';
import { quoteName } from '../../platform/mysql.ts';
import type { Connection, RowDataPacket } from '../../platform/mysql.ts';
import { sinkHostPrefix } from '../../sink/sink-options.ts';

/** CloudStack's named lock: who has it alone may change who the usage server is. */
const jobLock = 'usage.job.heartbeat.check';

/**
 * Runs `work` under CloudStack's named lock, so that no Java server starts meanwhile.
 * @throws STORE_BUSY when another has it for 5 s
 */
export async function underJobLock<T>(connection: Connection, work: () => Promise<T>): Promise<T> {
  const [rows] = await connection.query<RowDataPacket[]>('SELECT GET_LOCK(?, 5) AS got', [jobLock]);
  if (Number(rows[0]?.['got']) !== 1) throw new AppError('STORE_BUSY', { lock: jobLock });
  try {
    return await work();
  } finally {
    await connection.query('DO RELEASE_LOCK(?)', [jobLock]);
  }
}

/** @throws SINK_NOT_ALONE while a Java usage server lives: its heartbeat is younger than 5 minutes */
export async function refuseLiveJava(
  connection: Connection,
  cloudUsageSchema: string,
): Promise<void> {
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT host, pid, heartbeat FROM ${quoteName(cloudUsageSchema, 'usage_job')}
     WHERE end_millis = 0 AND success IS NULL AND host NOT LIKE ?
       AND heartbeat > UTC_TIMESTAMP() - INTERVAL 5 MINUTE ORDER BY id DESC LIMIT 1`,
    [`${sinkHostPrefix}%`],
  );
  const [rival] = rows;
  if (rival)
    throw new AppError('SINK_NOT_ALONE', {
      ...{ host: rival['host'], pid: rival['pid'], heartbeat: `${rival['heartbeat']} GMT` },
    });
}

export interface LastJob {
  readonly id: string;
  readonly host: string;
  /** Start of the first window that is not billed. */
  readonly boundaryMs: EpochMs;
  readonly startMs: EpochMs;
}

/** The job up to whose end all is billed; null when none has ever succeeded. */
export async function lastJob(
  connection: Connection,
  cloudUsageSchema: string,
): Promise<LastJob | null> {
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT id, host, start_millis, end_millis FROM ${quoteName(cloudUsageSchema, 'usage_job')}
     WHERE end_millis > 0 AND success = 1 ORDER BY end_millis DESC, id DESC LIMIT 1`,
  );
  const [row] = rows;
  if (!row) return null;
  return {
    id: String(row['id']),
    host: String(row['host']),
    startMs: Number(row['start_millis']),
    boundaryMs: Number(row['end_millis']) + 1,
  };
}

/** Something about the tables that speaks against going on from them. */
export interface Problem {
  /** For `--despite`; null: it cannot be passed over. */
  readonly name: DespiteName | 'late-events' | 'incomplete-accounts' | null;
  readonly what: string;
}

export const despiteNames = [
  'overlapping-jobs',
  'stuck-events',
  'duplicate-rows',
  'no-event-copies',
  'damage',
] as const;
export type DespiteName = (typeof despiteNames)[number];

/** Looks for what can be seen at a glance; the audit looks at everything. */
export async function findProblems(
  connection: Connection,
  cloudUsageSchema: string,
  last: LastJob,
): Promise<Problem[]> {
  const [job, event, usage] = ['usage_job', 'usage_event', 'cloud_usage'].map((name) =>
    quoteName(cloudUsageSchema, name),
  );
  const one = async (
    sql: string,
    values: unknown[] = [],
  ): Promise<Record<string, string | number>> => {
    const [rows] = await connection.query<RowDataPacket[]>(sql, values);
    return (rows[0] ?? {}) as Record<string, string | number>;
  };
  const boundary = sqlDateTime(last.boundaryMs);
  const problems: Problem[] = [];
  const note = (name: DespiteName | null, what: string) => problems.push({ name, what });
  const overlaps = await one(
    `SELECT COUNT(*) AS n, MAX(id) AS newest FROM (SELECT id, start_millis, MAX(end_millis)
       OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before_end
     FROM ${job} WHERE end_millis > 0 AND success = 1) AS jobs WHERE start_millis <= before_end`,
  );
  if (Number(overlaps['n']) > 0)
    note(
      'overlapping-jobs',
      `${overlaps['n']} jobs of usage_job billed time again that was billed (the newest is ${overlaps['newest']}): rows of it are doubled`,
    );
  const stuck = await one(
    `SELECT COUNT(*) AS n, MIN(id) AS first FROM ${event} WHERE processed = 0 AND created < ?`,
    [boundary],
  );
  if (Number(stuck['n']) > 0)
    note(
      'stuck-events',
      `${stuck['n']} events of billed time were never processed (from ${stuck['first']} on); passed over, they have their effect with the first window`,
    );
  const ahead = await one(
    `SELECT COUNT(*) AS n FROM ${event} WHERE processed = 1 AND created >= ?`,
    [boundary],
  );
  if (Number(ahead['n']) > 0)
    note(
      null,
      `${ahead['n']} events after the last billed window are processed: a job failed half-way. Let the Java server finish its next job`,
    );
  const copies = await one(`SELECT EXISTS (SELECT 1 FROM ${event}) AS found`);
  if (Number(copies['found']) === 0)
    note(
      'no-event-copies',
      'usage_event is empty, so which events are billed cannot be told; passed over, all that were created before the first window count as billed',
    );
  const doubles = await one(
    `SELECT COUNT(*) AS n FROM (SELECT 1 FROM ${usage} WHERE start_date >= ? AND start_date < ?
       GROUP BY ${cloudUsageColumns.map((column) => quoteName(column)).join(', ')}
       HAVING COUNT(*) > 1) AS doubled`,
    [sqlDateTime(last.startMs), boundary],
  );
  if (Number(doubles['n']) > 0)
    note('duplicate-rows', `${doubles['n']} rows of the last job stand more than once`);
  return problems;
}

/** @throws TAKEOVER_REFUSED with what is not passed over */
export function refuseProblems(problems: readonly Problem[], despite: ReadonlySet<string>): void {
  const left = problems.filter(({ name }) => name === null || !despite.has(name));
  if (left.length > 0)
    throw new AppError('TAKEOVER_REFUSED', {
      problems: left.map(({ name, what }) => (name === null ? what : `${name}: ${what}`)),
    });
}
