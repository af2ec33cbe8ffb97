import { z } from 'zod';
import { AccountIdSchema } from '../contracts/ids.ts';
import type { AccountId } from '../contracts/ids.ts';
import { EpochMsSchema } from '../contracts/time.ts';
import { AppError } from '../platform/errors.ts';
import type { EventLog, LogRecord } from '../platform/log/log.ts';
import { placement } from '../../streams/placement.ts';
import type { KnownPlacements } from './placement.ts';

/** Feed records of an account that wait for its first zone: what they are about → the newest record. */
const HeldRecords = z.object({
  /** Watermark when the first of them came; null before the first watermark. */
  sinceMs: EpochMsSchema.nullable(),
  records: z.record(z.string(), z.string()),
});
export type HeldRecords = z.infer<typeof HeldRecords>;

/** The value of a record of `<prefix>.placement` with an account id as key. */
export const PlacementRecord = z.object({
  v: z.literal(1),
  account: AccountIdSchema,
  /** null while the account waits for its first zone. */
  partition: z.int().nonnegative().nullable(),
  /** First zone other than 0 that the account was seen in, where accounts are placed by zone. */
  homeZone: z.string().nullable(),
  held: HeldRecords.optional(),
});
export type PlacementRecord = z.infer<typeof PlacementRecord>;

/** The value of a record of `<prefix>.placement` with the key `zone/<id>`: the slice a new zone got. */
export const ZoneRecord = z.object({
  v: z.literal(1),
  zone: z.string(),
  partitions: z.array(z.int().nonnegative()).min(1),
});
export type ZoneRecord = z.infer<typeof ZoneRecord>;

/** Every record of the placement topic, oldest first; `saw` is told of what has no value, too. */
export async function* readPlacementRecords(
  log: EventLog,
  prefix: string,
  signal: AbortSignal,
  saw: (record: LogRecord) => void = () => {},
): AsyncGenerator<PlacementRecord | ZoneRecord> {
  const topic = placement.topic(prefix);
  const [offsets] = await log.offsets(topic);
  if (!offsets || offsets.next <= offsets.earliest) return;
  const range = { topic, partition: 0, from: offsets.earliest, until: offsets.next, signal };
  for await (const { records } of log.read(range))
    for (const record of records) {
      saw(record);
      const { key, value } = record;
      if (value === null) continue;
      const schema = key?.toString().startsWith('zone/') === true ? ZoneRecord : PlacementRecord;
      yield schema.parse(JSON.parse(value.toString()));
    }
}

/** @throws LOG_TOPIC_MISMATCH when an account was placed on a partition that this feed has not. */
export async function readPlacements(
  log: EventLog,
  prefix: string,
  feedPartitions: number,
  signal: AbortSignal,
  saw?: (record: LogRecord) => void,
): Promise<KnownPlacements> {
  const partitions = new Map<AccountId, number>();
  const slices = new Map<string, readonly number[]>();
  const held = new Map<AccountId, HeldRecords>();
  let byZone = false;
  const there = (partition: number, facts: object) => {
    if (partition < feedPartitions) return;
    throw new AppError('LOG_TOPIC_MISMATCH', {
      topic: placement.topic(prefix),
      ...facts,
      feedPartitions,
    });
  };
  for await (const record of readPlacementRecords(log, prefix, signal, saw)) {
    if ('zone' in record) {
      for (const partition of record.partitions) there(partition, record);
      slices.set(record.zone, record.partitions);
      continue;
    }
    const { account, partition, homeZone } = record;
    byZone ||= homeZone !== null;
    held.delete(account);
    if (partition === null) {
      byZone = true;
      if (record.held) held.set(account, record.held);
      continue;
    }
    there(partition, { account, partition });
    partitions.set(account, partition);
  }
  return { partitions, slices, held, byZone };
}
