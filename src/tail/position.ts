import { z } from 'zod';
import { EpochMsSchema } from '../contracts/time.ts';
import type { EpochMs } from '../contracts/time.ts';
import { AppError } from '../platform/errors.ts';
import { positions } from '../../streams/positions.ts';
import type { EventLog, OutRecord } from '../platform/log/log.ts';

/** How far a first snapshot has come; its rows so far are committed. */
export const SnapshotCursor = z.object({
  /** Source clock when the snapshot began. */
  startedMs: EpochMsSchema,
  /** Highest event id that the snapshot's place in the binlog includes; higher ones come from the binlog. */
  maxEventId: z.string(),
  /** The table being read. */
  table: z.string(),
  /** Key of the last row of it that is committed; null before the first. */
  after: z.array(z.string()).nullable(),
  /** Rows committed so far, of all tables. */
  rows: z.int().nonnegative(),
});
export type SnapshotCursor = z.infer<typeof SnapshotCursor>;

/** How far a Debezium's topics have been read, in place of a place in the binlog. */
export const AdoptedPlace = z.object({
  /** By topic: the next offset of each partition. A topic that is followed and not there yet has none. */
  offsets: z.record(z.string(), z.array(z.int().nonnegative())),
  /** Rows of a snapshot were read that has not come to its end. */
  inSnapshot: z.boolean(),
  /** How far behind its source the connector was at the last change, ms. */
  lagMs: z.number().nullable(),
});
export type AdoptedPlace = z.infer<typeof AdoptedPlace>;

/** An incarnation of the source: its events are those above an id. */
export const IncarnationCut = z.object({
  incarnation: z.int().positive(),
  /** Events up to this id belong to earlier incarnations. */
  aboveId: z.string(),
});

/** What the last healing by id did. */
export const HealRecord = z.object({
  why: z.string(),
  atMs: EpochMsSchema,
  /** From here on, by the source's clock, what counters did until `atMs` is known only in sum; null: unknown. */
  gapFromMs: EpochMsSchema.nullable(),
  /** Written because the feed had them not. */
  events: z.int().nonnegative(),
  details: z.int().nonnegative(),
  /** Accounts, statistics, templates, buckets and settings, all of which were read again. */
  facts: z.int().nonnegative(),
  /** Events of one history under whose ids the source now has other content. */
  conflicts: z.int().nonnegative(),
  /** Events that the feed has and the source has not. */
  lostOnSource: z.int().nonnegative(),
  /** Whether a new incarnation began. */
  newIncarnation: z.boolean(),
});
export type HealRecord = z.infer<typeof HealRecord>;

/** The last commit before a place in the same binlog file: where its event begins, and the server's number of it. */
export const LastXid = z.object({ pos: z.int().nonnegative(), xid: z.string() });
export type LastXid = z.infer<typeof LastXid>;

/** How far a source without a binlog has been polled. */
export const PollCursor = z.object({
  /** Events up to this id are not looked for any more; null: not known yet. */
  settledId: z.string().nullable(),
  /** The same of details, by their own ids. */
  settledDetailId: z.string().nullable(),
});
export type PollCursor = z.infer<typeof PollCursor>;

const RawPlace = z.object({
  file: z.string(),
  pos: z.int().nonnegative(),
  row: z.int().min(-1),
});

/**
 * How far somebody else wrote the raw topics. The place itself is the last change in any of them (row -1: none
 * of the rows there): ours begin after it where nothing tells more exactly what each partition has.
 */
export const RawFrom = RawPlace.extend({
  /** What lies before is in all partitions. */
  after: RawPlace.omit({ row: true }).optional(),
  /** The last change in those partitions that have more, and how many records of it they have. */
  ends: z
    .array(
      RawPlace.extend({
        table: z.string(),
        partition: z.int().nonnegative(),
        records: z.int().positive(),
      }),
    )
    .optional(),
});
export type RawFrom = z.infer<typeof RawFrom>;

/** The value of a record of `<prefix>.positions`: where to go on, always the end of a source transaction. */
export const PositionRecord = z.object({
  v: z.literal(1),
  source: z.string(),
  incarnation: z.int().nonnegative(),
  /** server_id of the followed server. */
  serverId: z.int().nonnegative(),
  file: z.string(),
  pos: z.int().nonnegative(),
  gtid: z.string().nullable(),
  /** When the server made the file: one of the same name that was made later is another one. */
  fileMs: EpochMsSchema.nullable().default(null),
  /** A server counts on through a RESET: the same number at the same byte is the same history. */
  lastXid: LastXid.nullable().default(null),
  /** Not null while the first snapshot is being read; file and pos are then its place. */
  snapshot: SnapshotCursor.nullable(),
  watermarkMs: EpochMsSchema.nullable(),
  feedPartitions: z.int().positive(),
  /** Accounts that the placement topic has; null: an older version did not count them. */
  accounts: z.int().nonnegative().nullable().default(null),
  /** Set when the feed is made from a Debezium's topics: the place from which reading goes on. */
  adopted: AdoptedPlace.optional(),
  /** MySQL: file and pos lie within a transaction, as a Debezium has them; only the GTID set tells where to go on. */
  withinTransaction: z.literal(true).optional(),
  /** Set when a Debezium wrote the raw topics: what of them is there. */
  rawFrom: RawFrom.optional(),
  /** MySQL's server_uuid. */
  serverUuid: z.string().nullable().default(null),
  /** The highest event of the feed: on every connect the source is asked for it. */
  newestEvent: z.object({ id: z.string(), hash: z.string() }).nullable().default(null),
  /** Where later incarnations begin, by ascending id; empty while there is only the first. */
  cuts: z.array(IncarnationCut).default([]),
  healed: HealRecord.nullable().default(null),
  /** Not null when the source is polled: file and pos then mean nothing. */
  poll: PollCursor.nullable().default(null),
  /** Our clock when it was written. */
  atMs: EpochMsSchema,
});
export type PositionRecord = z.infer<typeof PositionRecord>;

export const encodePosition = (prefix: string, record: PositionRecord): OutRecord => ({
  topic: positions.topic(prefix),
  partition: 0,
  key: record.source,
  value: JSON.stringify(record),
});

/** Says who writes from now on; beside the position, under a key of its own. */
export const encodeLeader = (prefix: string, source: string, atMs: EpochMs): OutRecord => ({
  topic: positions.topic(prefix),
  partition: 0,
  key: `${source}/leader`,
  value: JSON.stringify({ v: 1, source, pid: process.pid, atMs }),
});

/** @throws LOG_TOPIC_MISMATCH when the record is not one of ours or of another version. */
export function decodePosition(value: string): PositionRecord {
  const parsed = PositionRecord.safeParse(parseJson(value));
  if (parsed.success) return parsed.data;
  throw new AppError('LOG_TOPIC_MISMATCH', {
    topic: 'positions',
    reason: 'not a resume position of this version',
    problems: parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`),
  });
}

/** The newest committed resume position of a source, or null when it was never followed. */
export async function readPosition(
  log: EventLog,
  prefix: string,
  source: string,
  signal: AbortSignal,
): Promise<PositionRecord | null> {
  const found = await readNewest(log, prefix, [source], signal);
  const value = found.get(source);
  return value === undefined ? null : decodePosition(value);
}

/**
 * The newest committed values of some keys of the topic; keys that never had one are left out.
 * Reads backwards from the end in growing steps: the topic holds far more than the records that count.
 *
 * @param saw Told of each of their records that was read.
 */
export async function readNewest(
  log: EventLog,
  prefix: string,
  keys: readonly string[],
  signal: AbortSignal,
  saw: (value: string) => void = () => {},
): Promise<ReadonlyMap<string, string>> {
  const topic = positions.topic(prefix);
  const newest = new Map<string, string>();
  const [offsets] = await log.offsets(topic);
  if (!offsets) return newest;
  for (let step = 256; ; step *= 16) {
    const from = Math.max(offsets.earliest, offsets.next - step);
    const batches = log.read({ topic, partition: 0, from, until: offsets.next, signal });
    for await (const { records } of batches)
      for (const { key, value } of records)
        if (value !== null && key && keys.includes(key.toString())) {
          newest.set(key.toString(), value.toString());
          saw(value.toString());
        }
    if (newest.size === keys.length || from === offsets.earliest) return newest;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
