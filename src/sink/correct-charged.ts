import { hash } from 'node:crypto';
import { u64 } from '../contracts/ids.ts';
import type { AccountId } from '../contracts/ids.ts';
import { sqlDateTime } from '../contracts/time.ts';
import type { Window } from '../contracts/time.ts';
import { chargedCorrection } from '../domain/charged-correction.ts';
import type { ChargedCorrection } from '../domain/charged-correction.ts';
import { nextWindow } from '../domain/window.ts';
import { naturalKey, parseNaturalKey } from '../domain/natural-key.ts';
import type { Pair } from './apply-difference.ts';
import {
  chargedAccounts,
  correctionContent,
  isAlike,
  madeContent,
  pairOf,
  recordContent,
  sameKey,
} from './cutover-sql.ts';
import { readFrontier } from './due-window.ts';
import type { Generation } from './generation.ts';
import type { PublishContext } from './publish-window.ts';
import type { SqlRow } from './session.ts';

/**
 * Keeps what quota has charged as it is published. For each account with charged rows, up to the newest
 * window with one: what the generation to come says otherwise becomes corrections, appended to the window
 * that is published next or written down as credit, and its own rows of these windows are replaced by
 * the published ones. So rows and corrections together say what its rows alone said.
 */
export async function correctCharged(
  context: PublishContext,
  pair: Pair,
  to: Generation,
): Promise<void> {
  const { work, t } = context;
  await work.run(`INSERT INTO ${t.cutoverCharged} (account_id, until_ms) ${chargedAccounts(t)}`, [
    pair.from,
  ]);
  const { publishedUntilMs } = await readFrontier(work, t, context.generation);
  if (publishedUntilMs === null) return;
  const published = { startMs: publishedUntilMs - 1, endMs: publishedUntilMs };
  const made = nextWindow(published, to.spec);
  let after = '0';
  for (;;) {
    const next = await work.row(
      `SELECT account_id, until_ms FROM ${t.cutoverCharged} WHERE account_id > CAST(? AS UNSIGNED)
       ORDER BY account_id LIMIT 1`,
      [after],
    );
    if (!next) return;
    after = String(next['account_id']);
    const slice = { account: after, untilMs: Number(next['until_ms']) };
    if (await isOtherwise(context, pair, slice)) await correctAccount(context, pair, slice, made);
  }
}

interface Slice {
  readonly account: string;
  /** Start of the newest charged window. */
  readonly untilMs: number;
}

const inPublished = (context: PublishContext): string =>
  `window_start_ms IN (SELECT window_start_ms FROM ${context.t.publishedWindow}
     WHERE generation = ? AND mode = 'primary' AND window_start_ms <= ?)`;

async function isOtherwise(
  context: PublishContext,
  { from, to }: Pair,
  { account, untilMs }: Slice,
): Promise<boolean> {
  const { work, t } = context;
  const other = `SELECT 1 FROM ${t.record} o LEFT JOIN ${sameKey(t, 'n', 'o')}
     WHERE o.generation = ? AND o.account_id = ? AND o.${inPublished(context)}
       AND (n.record_id IS NULL OR NOT (${isAlike})) LIMIT 1`;
  for (const [first, second] of [
    [from, to],
    [to, from],
  ])
    if (await work.row(other, [second, first, account, from, untilMs])) return true;
  return false;
}

async function correctAccount(
  context: PublishContext,
  pair: Pair,
  slice: Slice,
  made: Window,
): Promise<void> {
  const { work, t } = context;
  const { from, to } = pair;
  const { account, untilMs } = slice;
  // Under the key that the generation to come has: late events will be compared with that one.
  const ofPair = `LEFT JOIN ${pairOf(t.cutoverPair, 'r', 'from_record')} AND r.generation = ?`;
  const identity = `r.window_start_ms, r.window_end_ms, r.partition_id, r.usage_type,
    COALESCE(q.to_key, r.natural_key) AS natural_key, COALESCE(q.to_record, r.record_id) AS record_id`;
  const rows = await work.rows(
    `SELECT MIN(window_start_ms) AS window_start_ms, MIN(window_end_ms) AS window_end_ms,
       MIN(partition_id) AS partition_id, MIN(usage_type) AS usage_type, natural_key,
       MIN(record_id) AS record_id, SUM(was) AS was, SUM(now) AS now
     FROM (
       SELECT ${identity}, IF(r.generation = ?, r.quantity, 0) AS was,
         IF(r.generation = ?, 0, r.quantity) AS now
       FROM ${t.record} r ${ofPair}
       WHERE r.generation IN (?, ?) AND r.account_id = ? AND r.kind = 'usage' AND r.${inPublished(context)}
       UNION ALL
       SELECT ${identity}, IF(r.generation = ?, r.delta, 0), IF(r.generation = ?, 0, r.delta)
       FROM ${t.correction} r ${ofPair}
       WHERE r.generation IN (?, ?) AND r.account_id = ? AND r.made_start_ms <= ?
     ) AS standing
     GROUP BY natural_key HAVING was <> now ORDER BY window_start_ms, usage_type, natural_key`,
    [
      ...[from, from, from, from, to, account, from, untilMs],
      ...[from, from, from, from, to, account, untilMs],
    ],
  );
  const corrections = rows.map((row) => toCorrection(row, account, made));
  for (const one of corrections)
    if (one.correction.action === 'append') one.isAppended = await append(context, pair, one, made);
  await replaceSlice(context, pair, slice);
  for (const one of corrections) await note(context, pair, one, made);
}

interface Made {
  readonly row: SqlRow;
  readonly correction: ChargedCorrection;
  /** Id of the correction, and of the row that it appends; hexadecimal. */
  readonly id: string;
  readonly appendedId: string | null;
  /** False where there is no row to make it like: then it is only written down. */
  isAppended: boolean;
}

function toCorrection(row: SqlRow, account: string, made: Window): Made {
  const { key } = parseNaturalKey(String(row['natural_key']));
  const identity = {
    accountId: u64<AccountId>(account),
    usageType: Number(row['usage_type']),
    key,
    window: { startMs: Number(row['window_start_ms']), endMs: Number(row['window_end_ms']) },
  };
  const correction = chargedCorrection(
    identity,
    BigInt(String(row['was'])),
    BigInt(String(row['now'])),
    made,
  );
  const id = idOf(correction.idempotencyKey);
  const appendedId =
    correction.action === 'append' ? idOf(naturalKey(identity, made.startMs, id)) : null;
  return { row, correction, id, appendedId, isAppended: false };
}

/** First 16 bytes of SHA-256, as the ids of records are made. */
const idOf = (text: string): string => hash('sha256', text, 'hex').slice(0, 32);

/** The missing quantity as a row like the one that the generation to come has, in the window made next. */
async function append(
  { work, t }: PublishContext,
  { to }: Pair,
  { row, correction, id, appendedId }: Made,
  made: Window,
): Promise<boolean> {
  const startMs = Number(row['window_start_ms']);
  const mark = `Adjustment for ${sqlDateTime(startMs)} .. ${sqlDateTime(Number(row['window_end_ms']) - 1)}: `;
  const copied = recordContent.replaceAll('`', '').split(', ');
  const set: Readonly<Record<string, unknown>> = {
    window_start_ms: made.startMs,
    window_end_ms: made.endMs,
    record_id: Buffer.from(appendedId ?? '', 'hex'),
    kind: id,
    natural_key: correction.naturalKey(id),
    quantity: String(correction.delta),
    usage_display: correction.usageDisplay,
    raw_usage: correction.rawUsage,
    start_date: sqlDateTime(made.startMs),
    end_date: sqlDateTime(made.endMs - 1),
  };
  const values = copied.map((name) =>
    name in set ? '?' : name === 'description' ? 'LEFT(CONCAT(?, description), 255)' : name,
  );
  const { matched } = await work.run(
    `INSERT IGNORE INTO ${t.record} (generation, ${recordContent})
     SELECT generation, ${values.join(', ')} FROM ${t.record}
     WHERE generation = ? AND account_id = ? AND natural_key = ? AND window_start_ms = ?`,
    [
      ...copied.flatMap((name) =>
        name in set ? [set[name]] : name === 'description' ? [mark] : [],
      ),
      ...[to, correction.accountId, row['natural_key'], startMs],
    ],
  );
  return matched > 0;
}

/** The generation to come has of these windows what is published. */
async function replaceSlice(
  context: PublishContext,
  { from, to }: Pair,
  { account, untilMs }: Slice,
): Promise<void> {
  const { work, t } = context;
  await work.run(
    `DELETE FROM ${t.record} WHERE generation = ? AND account_id = ? AND ${inPublished(context)}`,
    [to, account, from, untilMs],
  );
  // Under the keys of the generation to come.
  const mapped = (content: string) =>
    content
      .split(', ')
      .map((name) => renamed[name] ?? `r.${name}`)
      .join(', ');
  const ofPair = `LEFT JOIN ${pairOf(t.cutoverPair, 'r', 'from_record')}`;
  await work.run(
    `INSERT INTO ${t.record} (generation, revision, cloud_usage_id, ${recordContent})
     SELECT ?, r.revision, r.cloud_usage_id, ${mapped(recordContent)} FROM ${t.record} r ${ofPair}
     WHERE r.generation = ? AND r.account_id = ? AND r.${inPublished(context)}`,
    [to, from, account, from, untilMs],
  );
  const ofSlice = 'generation = ? AND account_id = ? AND made_start_ms <= ?';
  await work.run(`DELETE FROM ${t.correction} WHERE ${ofSlice}`, [to, account, untilMs]);
  await work.run(
    `INSERT IGNORE INTO ${t.correction} (generation, ${correctionContent})
     SELECT ?, ${mapped(correctionContent)} FROM ${t.correction} r ${ofPair}
     WHERE r.generation = ? AND r.account_id = ? AND r.made_start_ms <= ?`,
    [to, from, account, untilMs],
  );
}

const renamed: Readonly<Record<string, string>> = {
  '`record_id`': 'COALESCE(q.to_record, r.`record_id`)',
  '`natural_key`': 'COALESCE(q.to_key, r.`natural_key`)',
};

async function note(
  { work, t }: PublishContext,
  { to }: Pair,
  { row, correction, id, appendedId, isAppended }: Made,
  made: Window,
): Promise<void> {
  await work.run(
    `INSERT IGNORE INTO ${t.correction} (generation, ${madeContent})
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'CUTOVER', '[]', ?, ?, ?, ?, 1)`,
    [
      ...[to, correction.accountId, row['window_start_ms'], Buffer.from(id, 'hex')],
      ...[row['window_end_ms'], row['partition_id'], row['usage_type'], row['natural_key']],
      ...[row['record_id'], String(correction.oldQuantity), String(correction.newQuantity)],
      ...[String(correction.delta), isAppended ? 'append' : 'ledger'],
      ...[isAppended ? Buffer.from(appendedId ?? '', 'hex') : null, made.startMs, made.endMs],
    ],
  );
}
