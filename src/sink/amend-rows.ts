import type { Window } from '../contracts/time.ts';
import { hoursText, rawHours } from '../domain/hours.ts';
import { comparedColumns } from '../domain/row-columns.ts';
import type { ColumnChanges } from '../domain/row-columns.ts';
import { AppError, isAppError } from '../platform/errors.ts';
import type { PublishContext } from './publish-window.ts';
import { refuseAmends } from './refuse-amends.ts';
import type { AmendRefusal } from './refuse-amends.ts';
import type { Session, SqlRow } from './session.ts';
import type { StoreTables } from './store-tables.ts';

/** What became of the amends of a window. */
export interface AmendCounts {
  readonly amended: number;
  readonly refused: number;
}

/** An amend that waits, with what it is about. */
interface Planned {
  readonly accountId: string;
  readonly windowStartMs: string;
  readonly id: Buffer;
  readonly cloudUsageId: string | null;
  /** Of the published row, with what earlier amends made of it; `quantity` of the corrections alone is elsewhere. */
  readonly standing: bigint;
  readonly newQuantity: bigint;
  readonly delta: bigint;
  readonly changes: ColumnChanges;
  readonly right: { readonly rawUsage: number; readonly usageDisplay: string } | null;
}

const pageRows = 500;
/** Of cloud_usage, with their types for JSON_TABLE. */
const amendable = [
  ['raw_usage', 'DOUBLE'],
  ['usage_display', 'VARCHAR(1024) CHARACTER SET utf8mb4'],
  ...comparedColumns.map((name) => [name, typeOf(name)] as const),
] as const;

function typeOf(name: (typeof comparedColumns)[number]): string {
  if (name === 'start_date' || name === 'end_date') return 'DATETIME';
  const isText = ['description', 'vm_name', 'type', 'state'].includes(name);
  return isText ? 'VARCHAR(1024) CHARACTER SET utf8mb4' : 'DECIMAL(20,0)';
}

/**
 * Settles the amends that the close of a window planned, in the open transaction that publishes it: changes
 * the rows in cloud_usage, or refuses, which makes them ledger entries, and publishes the held row of
 * missing time. A row is changed only with `--corrections amend`, in mode primary, while quota is off, and
 * as long as quota has charged nothing of its account's window.
 *
 * @throws STORE_*
 */
export async function amendRows(context: PublishContext, window: Window): Promise<AmendCounts> {
  const counts = { amended: 0, refused: 0 };
  const { target } = context;
  for (;;) {
    const page = await readPlanned(context, window);
    if (page.length === 0) return counts;
    const refuse = async (some: readonly Planned[], why: AmendRefusal) => {
      await refuseAmends(context, window, some, why);
      counts.refused += some.length;
    };
    const bar = await barOf(context);
    if (bar !== null || target.mode !== 'primary') {
      await refuse(page, bar ?? 'SHADOW');
      continue;
    }
    const charged = await chargedSlices(context, page);
    const isCharged = (one: Planned) => charged.has(sliceOf(one.accountId, one.windowStartMs));
    const published = page.filter(({ cloudUsageId }) => cloudUsageId !== null);
    const open = published.filter((one) => !isCharged(one) && one.standing + one.delta >= 0n);
    const rows = await readRows(context, open);
    const amends = open.flatMap((one) => {
      const before = rows.get(one.cloudUsageId ?? '');
      return before === undefined ? [] : [{ one, before, after: amended(one, before) }];
    });
    if (amends.length > 0) await writeRows(context, amends);
    counts.amended += amends.length;
    const done = new Set(amends.map(({ one }) => one));
    const rest = page.filter((one) => !done.has(one));
    await refuse(rest.filter(isCharged), 'CHARGED');
    await refuse(
      rest.filter((one) => !isCharged(one)),
      'NOT_PUBLISHED',
    );
  }
}

/**
 * Whether this user may change rows of cloud_usage: looked at before the sink leads.
 * @throws SINK_AMEND_DENIED
 */
export async function checkAmendGrant(session: Session, t: StoreTables): Promise<void> {
  const nothing = amendable.map(([name]) => `u.\`${name}\` = u.\`${name}\``).join(', ');
  try {
    await session.run(`UPDATE ${t.cloudUsage} AS u SET ${nothing} WHERE u.id IS NULL`);
    await session.rows(`SELECT 1 FROM ${t.fact} LIMIT 0`);
  } catch (error) {
    if (!isAppError(error, 'STORE_ACCESS_DENIED')) throw error;
    throw new AppError('SINK_AMEND_DENIED', { table: t.cloudUsage }, error);
  }
}

/** Why nothing may be amended at all; null when it may. */
async function barOf({
  work,
  t,
  target,
  generation,
}: PublishContext): Promise<AmendRefusal | null> {
  if (target.mode !== 'primary') return 'SHADOW';
  if (!target.mayAmend) return 'NOT_ALLOWED';
  const rows = await work.rows(
    `SELECT body FROM ${t.fact} WHERE generation = ? AND account_id = 0 AND kind = 'settings'`,
    [generation.id],
  );
  const isOn = rows.some((row) => {
    const { settings } = JSON.parse(String(row['body'])) as {
      settings: Record<string, string | null>;
    };
    return settings['quota.enable.service']?.toLowerCase() === 'true';
  });
  return isOn ? 'QUOTA_ON' : null;
}

/** The next that wait; each page settles its own, so that this ends. */
async function readPlanned(
  { work, t, generation }: PublishContext,
  window: Window,
): Promise<Planned[]> {
  const rows = await work.rows(
    `SELECT c.account_id, c.window_start_ms, c.correction_id, c.new_quantity, c.delta, c.changes,
       c.amend_to, r.cloud_usage_id, r.quantity + COALESCE((
         SELECT SUM(d.delta) FROM ${t.correction} AS d
         WHERE d.generation = c.generation AND d.account_id = c.account_id
           AND d.window_start_ms = c.window_start_ms AND d.natural_key = c.natural_key
           AND d.state = 'amended'), 0) AS standing
     FROM ${t.correction} AS c LEFT JOIN ${t.record} AS r
       ON r.generation = c.generation AND r.window_start_ms = c.window_start_ms
       AND r.account_id = c.account_id AND r.record_id = c.record_id
     WHERE c.generation = ? AND c.made_start_ms = ? AND c.state = 'planned'
     ORDER BY c.account_id, c.window_start_ms, c.correction_id LIMIT ${pageRows}`,
    [generation.id, window.startMs],
  );
  return rows.map((row) => ({
    accountId: String(row['account_id']),
    windowStartMs: String(row['window_start_ms']),
    id: row['correction_id'] as Buffer,
    cloudUsageId: row['cloud_usage_id'] === null ? null : String(row['cloud_usage_id']),
    standing: BigInt(String(row['standing'] ?? 0)),
    newQuantity: BigInt(String(row['new_quantity'])),
    delta: BigInt(String(row['delta'])),
    changes: JSON.parse(String(row['changes'] ?? '{}')) as ColumnChanges,
    right: JSON.parse(String(row['amend_to'] ?? 'null')) as Planned['right'],
  }));
}

const sliceOf = (account: unknown, start: unknown): string => `${String(account)}/${String(start)}`;

/** Windows of accounts of which quota has charged a row. */
async function chargedSlices(
  { work, t, generation }: PublishContext,
  page: readonly Planned[],
): Promise<ReadonlySet<string>> {
  const slices = new Map(
    page.map((one) => [
      sliceOf(one.accountId, one.windowStartMs),
      [one.accountId, one.windowStartMs],
    ]),
  );
  const rows = await work.rows(
    `SELECT DISTINCT r.account_id, r.window_start_ms
     FROM ${t.record} AS r STRAIGHT_JOIN ${t.cloudUsage} AS u ON u.id = r.cloud_usage_id
     WHERE r.generation = ? AND (r.account_id, r.window_start_ms) IN (?) AND u.quota_calculated <> 0`,
    [generation.id, [...slices.values()]],
  );
  return new Set(rows.map((row) => sliceOf(row['account_id'], row['window_start_ms'])));
}

/** The rows as they stand, and held: nobody changes them before the commit. */
async function readRows(
  { work, t }: PublishContext,
  some: readonly Planned[],
): Promise<ReadonlyMap<string, SqlRow>> {
  if (some.length === 0) return new Map();
  const columns = amendable.map(([name]) =>
    name === 'raw_usage' ? 'CAST(raw_usage AS CHAR) AS raw_usage' : `\`${name}\``,
  );
  const rows = await work.rows(
    `SELECT id, ${columns.join(', ')} FROM ${t.cloudUsage}
     WHERE id IN (?) AND quota_calculated = 0 FOR UPDATE`,
    [some.map(({ cloudUsageId }) => cloudUsageId)],
  );
  return new Map(rows.map((row) => [String(row['id']), row]));
}

/** The row after the amend. */
function amended(
  { standing, newQuantity, delta, right, changes }: Planned,
  before: SqlRow,
): SqlRow {
  const quantity = standing + delta;
  const isRight = right !== null && quantity === newQuantity;
  const hours = rawHours(Number(quantity));
  const rawUsage = isRight ? right.rawUsage : hours;
  const usageDisplay = isRight ? right.usageDisplay : hoursText(hours);
  const columns = Object.entries(changes).map(([name, [, now]]) => [name, plain(now)]);
  return {
    ...before,
    raw_usage: String(rawUsage),
    usage_display: usageDisplay,
    ...Object.fromEntries(columns),
  } as SqlRow;
}

/** cloud_usage holds no character beyond the basic plane: published rows have `?` there, too. */
const plain = (text: string | null): string | null =>
  text?.replaceAll(/[\u{10000}-\u{10FFFF}]/gu, '?') ?? null;

async function writeRows(
  { work, t, generation, clock }: PublishContext,
  amends: readonly { readonly one: Planned; readonly before: SqlRow; readonly after: SqlRow }[],
): Promise<void> {
  const types = amendable.map(([name, type]) => `\`${name}\` ${type} PATH '$.${name}'`).join(', ');
  const set = amendable.map(([name]) => `u.\`${name}\` = j.\`${name}\``).join(', ');
  const { matched } = await work.run(
    `UPDATE ${t.cloudUsage} AS u
     JOIN JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$.id', ${types})) AS j ON j.id = u.id
     SET ${set} WHERE u.quota_calculated = 0`,
    [JSON.stringify(amends.map(({ after }) => after))],
  );
  if (matched !== amends.length)
    throw new AppError('SINK_COPY_MISMATCH', { amended: matched, planned: amends.length });
  const at = new Date(clock.now()).toISOString().slice(0, 23).replace('T', ' ');
  const settled = amends.map(({ one, before, after }) => ({
    ...{ account: one.accountId, start: one.windowStartMs, correction: one.id.toString('hex') },
    ...{ row: one.cloudUsageId, before: JSON.stringify(before), after: JSON.stringify(after) },
  }));
  await work.run(
    `UPDATE ${t.correction} AS c
     JOIN JSON_TABLE(?, '$[*]' COLUMNS (account BIGINT UNSIGNED PATH '$.account',
       start BIGINT PATH '$.start', correction CHAR(32) PATH '$.correction',
       row_id BIGINT UNSIGNED PATH '$.row', was MEDIUMTEXT CHARACTER SET utf8mb4 PATH '$.before',
       became MEDIUMTEXT CHARACTER SET utf8mb4 PATH '$.after')) AS j
       ON c.generation = ? AND c.account_id = j.account AND c.window_start_ms = j.start
       AND c.correction_id = UNHEX(j.correction)
     SET c.state = 'amended', c.amended_id = j.row_id, c.amended_from = j.was,
       c.amended_into = j.became, c.amended_at = ?`,
    [JSON.stringify(settled), generation.id, at],
  );
}
