import { crashPoint } from '../platform/crash-points.ts';
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
 * The newest epoch wins: whoever finds another one in `sink:fence` may commit nothing. The owner is looked at as
 * well: a store that lost commits gives epochs out again, and two may believe in the same one.
 */
export interface Lease {
  readonly epoch: string;
  readonly owner: string;
}

const row = 'sink';
const fence = 'sink:fence';

/**
 * Whether somebody has the lease, as SQL. None is given for much longer than ours: one that seems to be is from
 * before the server's clock was set back, and its holder has not renewed it since.
 */
const heldSql = (leaseMs: number): string =>
  `COALESCE(expires_at > UTC_TIMESTAMP(3)
     AND expires_at < UTC_TIMESTAMP(3) + INTERVAL ${60 + Math.ceil(leaseMs / 250)} SECOND, FALSE)`;

/** Named lock that each connection of a leader holds which locks rows: tells its id for sure, also after a restart of the server. */
const connectionLock = `CONCAT('sink:', LEFT(SHA2(?, 256), 32), ':', ?)`;

export interface LeaseRequest {
  readonly schema: string;
  readonly owner: string;
  readonly leaseMs: number;
  /** Connection that will publish. */
  readonly publishing: Session;
  /** Connection that will renew the row of `usage_job`, under locks as well. */
  readonly heart?: Session;
}

/**
 * Takes the lease when it is free, run out, or ours already; raises the epoch and ends the
 * predecessor's connections, whose locks (it may be stopped or cut off) would block us. Each statement commits
 * by itself, the fence last: who freezes in between holds nothing, and its lease runs out.
 *
 * @returns null while another holds it.
 * @throws STORE_BUSY while the server still rolls back what the predecessor had under way.
 */
export async function takeLease(
  control: Session,
  t: StoreTables,
  request: LeaseRequest,
): Promise<Lease | null> {
  const { schema, owner, leaseMs, publishing, heart } = request;
  await makeRows(control, t);
  const held = heldSql(leaseMs);
  const state = `SELECT epoch, owner, ${held} AS held FROM ${t.lease} WHERE name = ?`;
  const seen = await control.row(state, [row]);
  if (!seen || isHeldByOther(seen, owner)) return null;
  const before = String(seen['epoch']);
  await endConnections(control, schema, before);
  const epoch = String(BigInt(before) + 1n);
  const { matched: taken } = await control.run(
    `UPDATE ${t.lease} SET epoch = ?, owner = ?, connection_id = ?,
       expires_at = UTC_TIMESTAMP(3) + INTERVAL ? MICROSECOND
     WHERE name = ? AND epoch = ? AND (owner = ? OR NOT ${held})`,
    [epoch, owner, publishing.connectionId, leaseMs * 1000, row, before, owner],
  );
  if (taken !== 1) return null;
  crashPoint('sink.lease-before-fence');
  const { matched: fenced } = await control.run(
    `UPDATE ${t.lease} SET epoch = ?, owner = ?, connection_id = ?
     WHERE name = ? AND epoch < CAST(? AS UNSIGNED)`,
    [epoch, owner, publishing.connectionId, fence, epoch],
  );
  // We were away, and another took it meanwhile.
  if (fenced !== 1) return null;
  crashPoint('sink.lease-taken');
  await nameConnection(publishing, schema, epoch);
  if (heart) await nameConnection(heart, schema, `${epoch}:heart`);
  return { epoch, owner };
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

/** Takes a named lock of the epoch, by which a successor finds this connection. */
async function nameConnection(session: Session, schema: string, name: string): Promise<void> {
  const values = [schema, name];
  const got = await session.row(`SELECT GET_LOCK(${connectionLock}, 1) AS got`, values);
  if (Number(got?.['got']) !== 1) throw new AppError('STORE_BUSY', { lock: `sink:${name}` });
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
     WHERE name = ? AND ${ours}`,
    [leaseMs * 1000, row, lease.epoch, lease.owner],
  );
  if (matched !== 1) throw fenced(lease);
}

/** Gives the lease back, if it is still ours: another may take it at once. */
export async function releaseLease(control: Session, t: StoreTables, lease: Lease): Promise<void> {
  await control.run(
    `UPDATE ${t.lease} SET expires_at = '1970-01-01 00:00:01', owner = NULL
     WHERE name = ? AND ${ours}`,
    [row, lease.epoch, lease.owner],
  );
}

/** False once another has taken it, also by the same number. */
export async function isHeld(control: Session, t: StoreTables, lease: Lease): Promise<boolean> {
  return (await control.row(...selectOurs(t, row, lease))) !== undefined;
}

/** Inside a transaction: holds off a change of leader until its end. @throws SINK_FENCED */
export async function holdLease(session: Session, t: StoreTables, lease: Lease): Promise<void> {
  const [sql, values] = selectOurs(t, row, lease);
  if (!(await session.row(`${sql} LOCK IN SHARE MODE`, values))) throw fenced(lease);
}

/** First statement of a publishing transaction. @throws SINK_FENCED when a newer epoch may publish. */
export async function enterFence(work: Session, t: StoreTables, lease: Lease): Promise<void> {
  const [sql, values] = selectOurs(t, fence, lease);
  if (!(await work.row(`${sql} FOR UPDATE`, values))) throw fenced(lease);
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
    `UPDATE ${t.lease} SET last_cloud_usage_id = CAST(? AS UNSIGNED) WHERE name = ? AND ${ours}`,
    [lastId, fence, lease.epoch, lease.owner],
  );
  if (matched !== 1) throw fenced(lease);
}

/** Ends the connections that an epoch publishes and beats by; nothing when they are gone already. */
export async function endConnections(
  control: Session,
  schema: string,
  epoch: string,
): Promise<void> {
  await endConnection(control, schema, epoch);
  await endConnection(control, schema, `${epoch}:heart`);
}

async function endConnection(control: Session, schema: string, epoch: string): Promise<void> {
  const holder = await control.row(`SELECT IS_USED_LOCK(${connectionLock}) AS id`, [schema, epoch]);
  const id = Number(holder?.['id'] ?? 0);
  if (id === 0) return;
  // "unknown thread": it went by itself in between
  await control.run(`KILL ${id}`).catch(() => {});
}

const isHeldByOther = (state: SqlRow, owner: string): boolean =>
  Number(state['held']) === 1 && state['owner'] !== owner;

const ours = 'epoch = ? AND owner = ?';

const selectOurs = (t: StoreTables, name: string, lease: Lease): [string, unknown[]] => [
  `SELECT epoch FROM ${t.lease} WHERE name = ? AND ${ours}`,
  [name, lease.epoch, lease.owner],
];

const fenced = (lease: Lease): AppError => new AppError('SINK_FENCED', { epoch: lease.epoch });
