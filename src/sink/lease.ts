import { AppError } from '../platform/errors.ts';
import type { Session, SqlRow } from './session.ts';
import type { StoreTables } from './store-tables.ts';

/**
 * The sink's lease: two rows of one table.
 *
 * - `sink` says who leads and until when; the leader renews it all the time, by the server's clock.
 * - `sink:fence` holds the same epoch, and the last id given out; a publishing transaction locks it from
 *   its first statement to its commit. Were they one row, a long publication would block the renewals
 *   of its own leader, and a stand-by would end a healthy leader's work, again and again.
 *
 * The newest epoch wins: whoever finds another one in `sink:fence` may commit nothing.
 */
export interface Lease {
  readonly epoch: string;
  readonly owner: string;
}

const row = 'sink';
const fence = 'sink:fence';

/** Named lock that a leader's publishing connection holds: tells its id for sure, also after a restart of the server. */
const connectionLock = `CONCAT('sink:', LEFT(SHA2(?, 256), 32), ':', ?)`;

export interface LeaseRequest {
  readonly schema: string;
  readonly owner: string;
  readonly leaseMs: number;
  /** Connection that will publish. */
  readonly publishing: Session;
}

/**
 * Takes the lease when it is free, run out, or ours already; raises the epoch and ends the
 * predecessor's publishing connection, whose locks (it may be stopped or cut off) would block us.
 *
 * @returns null while another holds it.
 * @throws STORE_BUSY while the server still rolls back what the predecessor had under way.
 */
export async function takeLease(
  control: Session,
  t: StoreTables,
  request: LeaseRequest,
): Promise<Lease | null> {
  const { schema, owner, leaseMs, publishing } = request;
  await makeRows(control, t);
  const state = `SELECT epoch, owner, expires_at > UTC_TIMESTAMP(3) AS held FROM ${t.lease} WHERE name = ?`;
  const seen = await control.row(state, [row]);
  if (!seen || isHeldByOther(seen, owner)) return null;
  await endConnection(control, schema, String(seen['epoch']));
  const lease = await control.transaction(async () => {
    const now = await control.row(`${state} FOR UPDATE`, [row]);
    if (!now || now['epoch'] !== seen['epoch'] || isHeldByOther(now, owner)) return null;
    const epoch = String(BigInt(String(now['epoch'])) + 1n);
    await control.run(
      `UPDATE ${t.lease} SET epoch = ?, owner = ?, connection_id = ?,
         expires_at = UTC_TIMESTAMP(3) + INTERVAL ? MICROSECOND WHERE name = ?`,
      [epoch, owner, publishing.connectionId, leaseMs * 1000, row],
    );
    await control.run(
      `UPDATE ${t.lease} SET epoch = ?, owner = ?, connection_id = ? WHERE name = ?`,
      [epoch, owner, publishing.connectionId, fence],
    );
    return { epoch, owner };
  });
  if (lease) await nameConnection(publishing, schema, lease.epoch);
  return lease;
}

/** Looks before it inserts: even an INSERT IGNORE of a row that stands waits for who has it locked. */
async function makeRows(control: Session, t: StoreTables): Promise<void> {
  const standing = await control.rows(`SELECT name FROM ${t.lease} WHERE name IN (?, ?)`, [
    row,
    fence,
  ]);
  if (standing.length < 2)
    await control.run(`INSERT IGNORE INTO ${t.lease} (name) VALUES (?), (?)`, [row, fence]);
}

/** Takes the named lock of the epoch, by which a successor finds this connection. */
async function nameConnection(publishing: Session, schema: string, epoch: string): Promise<void> {
  const values = [schema, epoch];
  const got = await publishing.row(`SELECT GET_LOCK(${connectionLock}, 1) AS got`, values);
  if (Number(got?.['got']) !== 1) throw new AppError('STORE_BUSY', { lock: `sink:${epoch}` });
}

/** Moves the end of the lease on. @throws SINK_FENCED when a newer epoch has it. */
export async function renewLease(
  control: Session,
  t: StoreTables,
  lease: Lease,
  leaseMs: number,
): Promise<void> {
  const { matched } = await control.run(
    `UPDATE ${t.lease} SET expires_at = UTC_TIMESTAMP(3) + INTERVAL ? MICROSECOND
     WHERE name = ? AND epoch = ?`,
    [leaseMs * 1000, row, lease.epoch],
    leaseMs,
  );
  if (matched !== 1) throw fenced(lease);
}

/** Gives the lease back, if it is still ours: another may take it at once. */
export async function releaseLease(control: Session, t: StoreTables, lease: Lease): Promise<void> {
  await control.run(
    `UPDATE ${t.lease} SET expires_at = '1970-01-01 00:00:01', owner = NULL
     WHERE name = ? AND epoch = ?`,
    [row, lease.epoch],
    1000,
  );
}

/** Inside a transaction: holds off a change of leader until its end. @throws SINK_FENCED */
export async function holdLease(session: Session, t: StoreTables, lease: Lease): Promise<void> {
  const held = await session.row(`SELECT epoch FROM ${t.lease} WHERE name = ? LOCK IN SHARE MODE`, [
    row,
  ]);
  if (String(held?.['epoch']) !== lease.epoch) throw fenced(lease);
}

/** First statement of a publishing transaction. @throws SINK_FENCED when a newer epoch may publish. */
export async function enterFence(work: Session, t: StoreTables, lease: Lease): Promise<void> {
  const held = await work.row(`SELECT epoch FROM ${t.lease} WHERE name = ? FOR UPDATE`, [fence]);
  if (String(held?.['epoch']) !== lease.epoch) throw fenced(lease);
}

/** The last id given out, as an SQL expression. */
export const lastIdSql = (t: StoreTables): string =>
  `(SELECT last_cloud_usage_id FROM ${t.lease} WHERE name = '${fence}')`;

/** Remembers the last id given out; ids of rows that were deleted since are never given out again. */
export async function rememberLastId(
  work: Session,
  t: StoreTables,
  lease: Lease,
  lastId: string,
): Promise<void> {
  const { matched } = await work.run(
    `UPDATE ${t.lease} SET last_cloud_usage_id = CAST(? AS UNSIGNED) WHERE name = ? AND epoch = ?`,
    [lastId, fence, lease.epoch],
  );
  if (matched !== 1) throw fenced(lease);
}

/** Ends the connection that an epoch publishes by; nothing when it is gone already. */
export async function endConnection(
  control: Session,
  schema: string,
  epoch: string,
): Promise<void> {
  const holder = await control.row(`SELECT IS_USED_LOCK(${connectionLock}) AS id`, [schema, epoch]);
  const id = Number(holder?.['id'] ?? 0);
  if (id === 0) return;
  // "unknown thread": it went by itself in between
  await control.run(`KILL ${id}`).catch(() => {});
}

const isHeldByOther = (state: SqlRow, owner: string): boolean =>
  Number(state['held']) === 1 && state['owner'] !== owner;

const fenced = (lease: Lease): AppError => new AppError('SINK_FENCED', { epoch: lease.epoch });
