import { deadLetters } from '../../../streams/dead-letters.ts';
import { DeadLetterMessage } from '../../contracts/messages.ts';
import type { ChangeDeadLetter } from '../../contracts/messages.ts';
import { sqlDateTime } from '../../contracts/time.ts';
import type { EpochMs } from '../../contracts/time.ts';
import { AppError } from '../../platform/errors.ts';
import type { EventLog } from '../../platform/log/log.ts';
import { quoteName } from '../../platform/mysql.ts';
import type { Pool, RowDataPacket } from '../../platform/mysql.ts';
import { parseLetterId } from './letter.ts';
import type { Letter, WholeLetter } from './letter.ts';

export interface LetterStore {
  readonly pool: Pool;
  readonly schema: string;
  readonly generation: { readonly id: number; readonly feedTopic: string };
  readonly log: EventLog;
  readonly prefix: string;
  readonly signal: AbortSignal;
}

export interface LetterFilter {
  readonly reason?: string | undefined;
  readonly account?: string | undefined;
  readonly sinceMs?: EpochMs | undefined;
  readonly beforeMs?: EpochMs | undefined;
  /** Only what comes after the letter of this id. */
  readonly after?: string | undefined;
  readonly limit: number;
}

/** A page of letters: those of the table by id, then those that only the topic has, by offset. */
export async function findLetters(store: LetterStore, filter: LetterFilter): Promise<Letter[]> {
  const after = filter.after === undefined ? { row: '0' } : parseLetterId(filter.after);
  const ofTable = 'row' in after ? await readRows(store, filter, after.row) : [];
  const room = filter.limit - ofTable.length;
  const from = 'offset' in after ? after.offset + 1 : 0;
  const ofTopic: Letter[] = [];
  if (room > 0)
    for await (const letter of readTopic(store, from)) {
      if (!passes(letter, filter)) continue;
      const { change: _, ...short } = letter;
      if (ofTopic.push(short) === room) break;
    }
  const all = [...ofTable, ...ofTopic];
  const replays = await readReplays(store, all);
  return all.map((letter) => ({ ...letter, replayed: replays.get(letter.id) ?? null }));
}

/** @throws CONFIG_INVALID when there is no such letter in the generation. */
export async function findLetter(store: LetterStore, id: string): Promise<WholeLetter> {
  const wanted = parseLetterId(id);
  const found = 'row' in wanted ? await readWhole(store, wanted.row) : await readAt(store, wanted);
  if (!found) throw new AppError('CONFIG_INVALID', { problems: [`${id}: no such dead letter`] });
  const replays = await readReplays(store, [found]);
  return { ...found, replayed: replays.get(found.id) ?? null };
}

const table = ({ schema }: LetterStore, name: string) => quoteName(schema, name);

const columns = `id, partition_id, feed_offset, reason, account_id, facts, record_key,
  DATE_FORMAT(CONVERT_TZ(recorded_at, @@session.time_zone, '+00:00'), '%Y-%m-%d %H:%i:%s') AS recorded_at`;

async function readRows(store: LetterStore, f: LetterFilter, after: string): Promise<Letter[]> {
  const where = ['generation = ?', 'id > ?'];
  const values: unknown[] = [store.generation.id, after];
  const only = (condition: string, ...given: unknown[]) => {
    where.push(condition);
    values.push(...given);
  };
  if (f.reason !== undefined) only('reason = ?', f.reason);
  if (f.account !== undefined)
    only('(account_id = ? OR (account_id = 0 AND record_key = ?))', f.account, f.account);
  const local = `CONVERT_TZ(?, '+00:00', @@session.time_zone)`;
  if (f.sinceMs !== undefined) only(`recorded_at >= ${local}`, sqlDateTime(f.sinceMs));
  if (f.beforeMs !== undefined) only(`recorded_at < ${local}`, sqlDateTime(f.beforeMs));
  const [rows] = await store.pool.query<RowDataPacket[]>(
    `SELECT ${columns} FROM ${table(store, 'dead_letter')}
     WHERE ${where.join(' AND ')} ORDER BY id LIMIT ?`,
    [...values, f.limit],
  );
  return rows.map((row) => toLetter(store, row));
}

async function readWhole(store: LetterStore, id: string): Promise<WholeLetter | null> {
  const [rows] = await store.pool.query<RowDataPacket[]>(
    `SELECT ${columns}, record_value FROM ${table(store, 'dead_letter')}
     WHERE generation = ? AND id = ?`,
    [store.generation.id, id],
  );
  const row = rows[0];
  if (!row) return null;
  const feed = {
    partition: Number(row['partition_id']),
    offset: Number(row['feed_offset']),
    key: row['record_key'] as Buffer | null,
    value: row['record_value'] as Buffer | null,
  };
  return { ...toLetter(store, row), stage: 'aggregate', feed };
}

function toLetter({ generation }: LetterStore, row: RowDataPacket): Letter {
  const ofKey = (row['record_key'] as Buffer | null)?.toString() ?? '';
  const accountId = String(row['account_id']) === '0' ? ofKey : String(row['account_id']);
  return {
    id: String(row['id']),
    stage: 'aggregate',
    reason: String(row['reason']),
    accountId: /^\d+$/.test(accountId) ? accountId : null,
    recordedAt: String(row['recorded_at']),
    place: `${generation.feedTopic}/${row['partition_id']}/${row['feed_offset']}`,
    facts: JSON.parse(String(row['facts'])) as unknown,
    replayed: null,
  };
}

type TopicLetter = Letter & { readonly stage: 'tail'; readonly change: ChangeDeadLetter };

/** Those of the tail: the others of the topic are rows of the table. */
async function* readTopic(
  { log, prefix, signal }: LetterStore,
  from: number,
): AsyncGenerator<TopicLetter> {
  const topic = deadLetters.topic(prefix);
  const [held] = await log.offsets(topic);
  const first = Math.max(from, held?.earliest ?? 0);
  if (!held || first >= held.next) return;
  const range = { topic, partition: 0, from: first, until: held.next, signal };
  for await (const { records } of log.read(range))
    for (const { offset, value } of records) {
      const parsed = DeadLetterMessage.safeParse(JSON.parse(value?.toString() ?? 'null'));
      if (!parsed.success || parsed.data.stage !== 'tail') continue;
      const { reason, accountId, recordedAt, facts, origin } = parsed.data;
      yield {
        id: `tail-${offset}`,
        stage: 'tail',
        ...{ reason, accountId, recordedAt, facts: facts ?? null, replayed: null },
        place: `${origin.file}/${origin.pos}/${origin.row}`,
        change: parsed.data,
      };
    }
}

async function readAt(store: LetterStore, { offset }: { offset: number }) {
  for await (const letter of readTopic(store, offset))
    return letter.id === `tail-${offset}` ? letter : null;
  return null;
}

const passes = (letter: Letter, f: LetterFilter): boolean =>
  (f.reason === undefined || letter.reason === f.reason) &&
  (f.account === undefined || letter.accountId === f.account) &&
  (f.sinceMs === undefined || letter.recordedAt >= sqlDateTime(f.sinceMs)) &&
  (f.beforeMs === undefined || letter.recordedAt < sqlDateTime(f.beforeMs));

async function readReplays(store: LetterStore, letters: readonly Letter[]) {
  const replays = new Map<string, NonNullable<Letter['replayed']>>();
  if (letters.length === 0) return replays;
  const [rows] = await store.pool.query<RowDataPacket[]>(
    `SELECT letter, replayed_by, what,
       DATE_FORMAT(CONVERT_TZ(replayed_at, @@session.time_zone, '+00:00'), '%Y-%m-%d %H:%i:%s') AS at
     FROM ${table(store, 'dead_letter_replay')} WHERE generation = ? AND letter IN (?) ORDER BY id`,
    [store.generation.id, letters.map(({ id }) => id)],
  );
  for (const row of rows)
    replays.set(String(row['letter']), {
      at: String(row['at']),
      by: String(row['replayed_by']),
      what: String(row['what']),
    });
  return replays;
}
