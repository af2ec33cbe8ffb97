import { sqlDateTime } from '../contracts/time.ts';
import type { Window } from '../contracts/time.ts';
import { AppError } from '../platform/errors.ts';
import type { Session, SqlRow } from './session.ts';
import { sinkHostPrefix } from './sink-options.ts';
import type { StoreTables } from './store-tables.ts';

/** Who is shown as the usage server: `usage_job.host` and `pid`. */
export interface JobOwner {
  readonly host: string;
  readonly pid: number;
}

/** CloudStack's named lock around changes of the open row; it orders the servers, it fences nobody. */
const jobLock = 'usage.job.heartbeat.check';

/** A Java server takes a row over when its heartbeat is older than this. */
const liveMinutes = 5;

const open = 'end_millis = 0 AND success IS NULL';

/**
 * Runs `work` under CloudStack's named lock.
 * @returns false when another had the lock for 3 s: then nothing was done
 */
export async function underJobLock(session: Session, work: () => Promise<void>): Promise<boolean> {
  const got = await session.row('SELECT GET_LOCK(?, 3) AS got', [jobLock]);
  if (Number(got?.['got']) !== 1) return false;
  try {
    await work();
    return true;
  } finally {
    await session.rows('DO RELEASE_LOCK(?)', [jobLock]);
  }
}

/**
 * Makes exactly one open recurring row, ours, with a fresh heartbeat; inside the caller's transaction.
 * Rows of another UsageStream sink are taken at once (it no longer holds the lease), those of a Java
 * server when its heartbeat is older than 5 minutes, as Java servers do among themselves.
 *
 * @throws SINK_NOT_ALONE while a Java usage server lives
 */
export async function keepOpenJob(
  session: Session,
  t: StoreTables,
  owner: JobOwner,
): Promise<void> {
  const look = () =>
    session.rows(
      `SELECT id, host, pid, heartbeat,
       heartbeat > UTC_TIMESTAMP() - INTERVAL ${liveMinutes} MINUTE AS alive
     FROM ${t.usageJob} WHERE job_type = 0 AND ${open} ORDER BY id DESC FOR UPDATE`,
    );
  // A publication that commits while the first look waits for its row has opened another.
  const seen = await look();
  const rows = seen.length > 0 ? seen : await look();
  const rival = rows.find((row) => Number(row['alive']) === 1 && !isSinkHost(row, owner));
  if (rival)
    throw new AppError('SINK_NOT_ALONE', {
      host: rival['host'],
      pid: rival['pid'],
      heartbeat: `${String(rival['heartbeat'])} GMT`,
    });
  const [newest, ...older] = rows;
  if (!newest) {
    await insertOpenJob(session, t, owner);
    return;
  }
  await session.run(
    `UPDATE ${t.usageJob} SET host = ?, pid = ?, scheduled = 0, heartbeat = UTC_TIMESTAMP()
     WHERE id = ?`,
    [owner.host, owner.pid, newest['id']],
  );
  if (older.length > 0)
    await session.run(`DELETE FROM ${t.usageJob} WHERE id IN (?)`, [older.map((row) => row['id'])]);
}

/** Id of the open recurring row; null when there is none. */
export async function openJobId(session: Session, t: StoreTables): Promise<string | null> {
  const row = await session.row(
    `SELECT MAX(id) AS id FROM ${t.usageJob} WHERE job_type = 0 AND ${open}`,
  );
  return row?.['id'] == null ? null : String(row['id']);
}

/** True when a server has told CloudStack already that time of the window is billed. */
export async function isBilled(work: Session, t: StoreTables, window: Window): Promise<boolean> {
  const row = await work.row(
    `SELECT 1 FROM ${t.usageJob} WHERE end_millis >= ? AND success = 1 LIMIT 1`,
    [window.startMs],
  );
  return row !== undefined;
}

/**
 * Finishes our open row, and all requests of generateUsageRecords, with a published window, and opens
 * the next row; inside the publishing transaction.
 *
 * @returns id of the finished row
 * @throws SINK_FENCED when no open row is ours: another server took it
 */
export async function finishJobs(
  work: Session,
  t: StoreTables,
  owner: JobOwner,
  window: Window,
  execMs: number,
): Promise<string> {
  const job = await work.row(
    `SELECT id FROM ${t.usageJob} WHERE job_type = 0 AND ${open} AND host = ? AND pid = ?
     ORDER BY id DESC LIMIT 1 FOR UPDATE`,
    [owner.host, owner.pid],
  );
  if (!job) throw new AppError('SINK_FENCED', { reason: 'the open usage_job row is not ours' });
  await work.run(`UPDATE ${t.usageJob} SET ${finished} WHERE id = ?`, [
    ...finishedBy(window, execMs),
    job['id'],
  ]);
  await finishRequests(work, t, window, execMs);
  await insertOpenJob(work, t, owner);
  return String(job['id']);
}

/** Marks requests of generateUsageRecords as taken. @returns how many are open */
export async function takeRequests(session: Session, t: StoreTables): Promise<number> {
  const rows = await session.rows(
    `SELECT id FROM ${t.usageJob} WHERE job_type = 1 AND ${open} FOR UPDATE`,
  );
  if (rows.length > 0)
    await session.run(`UPDATE ${t.usageJob} SET scheduled = 1 WHERE id IN (?)`, [
      rows.map((row) => row['id']),
    ]);
  return rows.length;
}

/**
 * Finishes open requests with success: up to `window` everything is published. Requests of any host are
 * served, because one left by a dead server would block the next call of generateUsageRecords.
 */
export async function finishRequests(
  session: Session,
  t: StoreTables,
  window: Window,
  execMs: number,
): Promise<void> {
  await session.run(
    `UPDATE ${t.usageJob} SET scheduled = 1, ${finished} WHERE job_type = 1 AND ${open}`,
    finishedBy(window, execMs),
  );
}

const finished =
  'start_millis = ?, end_millis = ?, exec_time = ?, start_date = ?, end_date = ?, success = 1, heartbeat = UTC_TIMESTAMP()';

/** CloudStack's windows are inclusive: the last millisecond, shown as the last whole second. */
function finishedBy({ startMs, endMs }: Window, execMs: number): unknown[] {
  const lastMs = endMs - 1;
  return [startMs, lastMs, Math.max(0, execMs), sqlDateTime(startMs), sqlDateTime(lastMs)];
}

async function insertOpenJob(session: Session, t: StoreTables, owner: JobOwner): Promise<void> {
  await session.run(
    `INSERT INTO ${t.usageJob} (host, pid, job_type, scheduled, start_millis, end_millis, exec_time, heartbeat)
     VALUES (?, ?, 0, 0, 0, 0, 0, UTC_TIMESTAMP())`,
    [owner.host, owner.pid],
  );
}

function isSinkHost(row: SqlRow, owner: JobOwner): boolean {
  const host = row['host'];
  return typeof host !== 'string' || host === owner.host || host.startsWith(sinkHostPrefix);
}
