import { usageFeed } from '../../../streams/usage-feed.ts';
import { FeedRecord } from '../../contracts/feed-record.ts';
import type { AccountId, EventId } from '../../contracts/ids.ts';
import { replayHeader } from '../../contracts/replay.ts';
import { AppError } from '../../platform/errors.ts';
import type { OutRecord } from '../../platform/log/log.ts';
import { quoteName } from '../../platform/mysql.ts';
import type { RowDataPacket } from '../../platform/mysql.ts';
import { capturedTable } from '../../tail/captured-tables.ts';
import { RefusedRow } from '../../tail/feed-payload.ts';
import { routedPartition } from '../../tail/placement.ts';
import { readKnownPlacements } from '../../tail/own-placements.ts';
import { route } from '../../tail/route.ts';
import type { SourceChange } from '../../tail/source.ts';
import type { LetterStore } from './find-letters.ts';
import type { WholeLetter } from './letter.ts';

/** What a replay would do. */
export type ReplayPlan =
  | { readonly kind: 'append'; readonly records: readonly OutRecord[] }
  | { readonly kind: 'repair'; readonly accountId: string; readonly partition: number };

/**
 * Says what a replay of the letter does, and changes nothing.
 *
 * @param value A corrected record: for a feed record the whole JSON; for a change of the tail, columns of the row.
 * @throws CONFIG_INVALID when the record would only be refused again.
 */
export async function planReplay(
  store: LetterStore,
  letter: WholeLetter,
  feedPartitions: number,
  value: Buffer | null,
): Promise<ReplayPlan> {
  if (letter.reason === 'FOLD_BUG' && letter.stage === 'aggregate')
    return {
      kind: 'repair',
      accountId: letter.accountId ?? '0',
      partition: letter.feed.partition,
    };
  if (letter.reason === 'TOO_LARGE')
    throw refusal(
      letter,
      'the letter has only parts of it: raise the limit of the topic and read the row from the source',
    );
  const homes = await readHomes(store);
  const { log, prefix, signal } = store;
  const placed = await readKnownPlacements(log, prefix, feedPartitions, signal);
  const partitionOf = (account: string) => {
    const known = homes.get(account) ?? placed.partitions.get(account as AccountId);
    if (known === undefined && placed.byZone)
      throw refusal(
        letter,
        `account ${account} has no place in the feed yet: replay it once the tail has seen the account in a zone`,
      );
    return known ?? routedPartition(account as AccountId, feedPartitions);
  };
  if (letter.stage === 'tail')
    return {
      kind: 'append',
      records: await routed(store, letter, value, partitionOf, feedPartitions),
    };
  const bytes = value ?? letter.feed.value;
  if (bytes === null) throw refusal(letter, 'the record is not in the table: give --value FILE');
  const parsed = FeedRecord.safeParse(json(letter, bytes));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw refusal(
      letter,
      `it would be refused again (${issue?.path.join('.')}: ${issue?.message})`,
    );
  }
  const account = accountOf(parsed.data);
  const { partition, offset } = letter.feed;
  return {
    kind: 'append',
    records: [
      {
        topic: usageFeed.topic(store.prefix),
        partition: account === null ? partition : (homes.get(account) ?? partition),
        key: account ?? letter.feed.key,
        value: bytes,
        headers: { [replayHeader]: `${partition}/${offset}` },
      },
    ],
  };
}

const refusal = (letter: WholeLetter, problem: string) =>
  new AppError('CONFIG_INVALID', { problems: [`${letter.id}: ${problem}`] });

function json(letter: WholeLetter, bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    throw refusal(letter, 'it is not JSON: give --value FILE with the corrected record');
  }
}

function accountOf(record: FeedRecord): string | null {
  switch (record.kind) {
    case 'usage-event':
      return record.event.accountId;
    case 'event-detail':
      return record.detail.accountId;
    case 'counter':
      return record.counter.accountId;
    case 'account':
      return record.account.id;
    case 'template':
      return record.template.accountId;
    case 'bucket':
      return record.bucket.accountId;
    case 'settings':
    case 'watermark':
      return null;
    default:
      return record satisfies never;
  }
}

/** The partition of each account that has one. */
async function readHomes({ pool, schema, generation }: LetterStore): Promise<Map<string, number>> {
  const [rows] = await pool.query<RowDataPacket[]>(
    `SELECT account_id, partition_id FROM ${quoteName(schema, 'account_state')} WHERE generation = ?`,
    [generation.id],
  );
  return new Map(rows.map((row) => [String(row['account_id']), Number(row['partition_id'])]));
}

/** The change as the tail would have routed it, with the corrected columns. */
async function routed(
  store: LetterStore,
  letter: WholeLetter & { readonly stage: 'tail' },
  value: Buffer | null,
  partitionOf: (account: string) => number,
  feedPartitions: number,
): Promise<OutRecord[]> {
  const { origin, record } = letter.change;
  const captured = capturedTable(record.table);
  if (!captured) throw refusal(letter, `no captured table: ${record.table}`);
  const fixed = value === null ? {} : (json(letter, value) as Record<string, string | null>);
  const after = record.after === null ? null : { ...record.after, ...fixed };
  const eventId = String(after?.['usage_event_id'] ?? 0);
  const [events] = await store.pool.query<RowDataPacket[]>(
    `SELECT account_id FROM ${quoteName(store.schema, 'event')}
     WHERE generation = ? AND event_id = ? ORDER BY incarnation DESC LIMIT 1`,
    [store.generation.id, eventId],
  );
  const { gtid, file, pos, row, commitMs } = origin;
  const change: SourceChange = {
    ...{ db: record.db, table: record.table, op: record.op, before: record.before, after },
    layout: {
      db: record.db,
      table: captured,
      columns: [],
      key: { name: captured.primaryKey, kind: 'unsigned-bigint', nullable: false },
    },
    position: { gtid, file, pos, row },
    ...{ serverId: 0, commitMs, eventMs: commitMs, snapshot: 'false' },
  };
  const out: OutRecord[] = [];
  try {
    route(
      {
        prefix: store.prefix,
        source: store.prefix,
        incarnation: origin.incarnation,
        feedPartitions,
        partitionOf,
        accountOfEvent: (event: EventId) =>
          event === eventId ? (events[0]?.['account_id'] as AccountId | undefined) : undefined,
        sawEvent: () => undefined,
        hold: () => false,
        release: () => [],
      },
      change,
      null,
      out,
    );
  } catch (fault) {
    if (!(fault instanceof RefusedRow)) throw fault;
    throw refusal(
      letter,
      `it would be refused again (${fault.reason} ${JSON.stringify(fault.facts)}): give --value FILE with the columns that are wrong`,
    );
  }
  return out;
}
