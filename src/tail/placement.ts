import { z } from 'zod';
import { AccountIdSchema } from '../contracts/ids.ts';
import type { AccountId } from '../contracts/ids.ts';
import { AppError } from '../platform/errors.ts';
import type { EventLog, OutRecord } from '../platform/log/log.ts';
import { placement } from '../../streams/placement.ts';

/** The value of a record of `<prefix>.placement`. */
export const PlacementRecord = z.object({
  v: z.literal(1),
  account: AccountIdSchema,
  partition: z.int().nonnegative(),
  /** First zone other than 0 that the account was seen in, once accounts are placed by zone. */
  homeZone: z.string().nullable(),
});

/** Which feed partition each account lives on. New accounts are handed out once, by `takeNew`, to be written down. */
export class Placements {
  readonly #prefix: string;
  readonly #partitions: number;
  readonly #byAccount: Map<AccountId, number>;
  #added: OutRecord[] = [];

  constructor(prefix: string, partitions: number, known: Map<AccountId, number> = new Map()) {
    this.#prefix = prefix;
    this.#partitions = partitions;
    this.#byAccount = known;
  }

  partitionOf(account: AccountId): number {
    const known = this.#byAccount.get(account);
    if (known !== undefined) return known;
    const partition = routedPartition(account, this.#partitions);
    this.#byAccount.set(account, partition);
    const record: z.infer<typeof PlacementRecord> = { v: 1, account, partition, homeZone: null };
    this.#added.push({
      topic: placement.topic(this.#prefix),
      partition: 0,
      key: account,
      value: JSON.stringify(record),
    });
    return partition;
  }

  /** Records of the accounts placed since the last call, for the transaction of their first record. */
  takeNew(): readonly OutRecord[] {
    if (this.#added.length === 0) return this.#added;
    const added = this.#added;
    this.#added = [];
    return added;
  }
}

/**
 * Debezium's PartitionRouting for one field of type long: Java's Long.hashCode, made positive, modulo.
 * Unsigned values above 2^63 hash by their bits, as a Java long has them.
 *
 * @see https://debezium.io/documentation/reference/stable/transformations/partition-routing.html
 */
export function routedPartition(account: AccountId, partitions: number): number {
  const bits = BigInt.asUintN(64, BigInt(account));
  const hash = Number(BigInt.asIntN(32, bits ^ (bits >> 32n)));
  return (hash & 0x7fffffff) % partitions;
}

/** @throws LOG_TOPIC_MISMATCH when an account was placed on a partition that this feed has not. */
export async function readPlacements(
  log: EventLog,
  prefix: string,
  partitions: number,
  signal: AbortSignal,
): Promise<Placements> {
  const topic = placement.topic(prefix);
  const known = new Map<AccountId, number>();
  const [offsets] = await log.offsets(topic);
  if (offsets && offsets.next > offsets.earliest) {
    const range = { topic, partition: 0, from: offsets.earliest, until: offsets.next, signal };
    for await (const { records } of log.read(range))
      for (const { value } of records) {
        if (value === null) continue;
        const record = PlacementRecord.parse(JSON.parse(value.toString()));
        if (record.partition >= partitions)
          throw new AppError('LOG_TOPIC_MISMATCH', {
            topic,
            ...record,
            feedPartitions: partitions,
          });
        known.set(record.account, record.partition);
      }
  }
  return new Placements(prefix, partitions, known);
}
