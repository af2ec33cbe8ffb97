import type { EventLog, PartitionOffsets } from '../platform/log/log.ts';
import { quoteName } from '../platform/mysql.ts';
import type { Pool, RowDataPacket } from '../platform/mysql.ts';
import { readPlacementRecords } from '../tail/placement-record.ts';

/** One zone on `usagestream status --by zone` (docs/zones.md). */
export interface ZoneStatus {
  /** Id in `cloud.data_center`; null: accounts that were seen in none. */
  readonly zone: string | null;
  /** Accounts whose home it is. */
  readonly accounts: number;
  readonly partitions: readonly number[];
  /** Feed records that wait in those partitions, also of other zones where they share one. */
  readonly lag: number;
  /** Feed records those partitions hold, also of other zones where they share one. */
  readonly records: number;
  /** Rows of the newest published window that were used in this zone, wherever the account is at home. */
  readonly rows: number;
}

export interface PartitionLag {
  readonly partition: number;
  readonly lag: number;
}

/** What each zone has of the feed and of the newest window. */
export async function statusByZone(options: {
  readonly log: EventLog;
  readonly pool: Pool;
  readonly schema: string;
  readonly prefix: string;
  readonly generation: string;
  readonly lags: readonly PartitionLag[];
  readonly offsets: readonly PartitionOffsets[];
  readonly signal: AbortSignal;
}): Promise<ZoneStatus[]> {
  const homes = new Map<string, { zone: string | null; partition: number | null }>();
  const given = new Map<string, readonly number[]>();
  for await (const record of readPlacementRecords(options.log, options.prefix, options.signal))
    if ('zone' in record) given.set(record.zone, record.partitions);
    else homes.set(record.account, { zone: record.homeZone, partition: record.partition });
  const zones = new Map<string | null, { accounts: number; partitions: Set<number> }>();
  const zoneOf = (zone: string | null) => {
    const known = zones.get(zone);
    if (known) return known;
    const made = { accounts: 0, partitions: new Set(zone === null ? [] : given.get(zone)) };
    zones.set(zone, made);
    return made;
  };
  for (const zone of given.keys()) zoneOf(zone);
  for (const { zone, partition } of homes.values()) {
    const entry = zoneOf(zone);
    entry.accounts += 1;
    if (partition !== null) entry.partitions.add(partition);
  }
  const rows = await rowsByZone(options);
  for (const zone of rows.keys()) zoneOf(zone);
  const lagOf = new Map(options.lags.map(({ partition, lag }) => [partition, lag]));
  const held = new Map(options.offsets.map((p) => [p.partition, p.next - p.earliest]));
  const sum = (partitions: ReadonlySet<number>, of: ReadonlyMap<number, number>) =>
    [...partitions].reduce((total, partition) => total + (of.get(partition) ?? 0), 0);
  return [...zones]
    .map(([zone, { accounts, partitions }]) => ({
      zone,
      accounts,
      partitions: [...partitions].sort((a, b) => a - b),
      lag: sum(partitions, lagOf),
      records: sum(partitions, held),
      rows: zone === null ? 0 : (rows.get(zone) ?? 0),
    }))
    .sort((a, b) => Number(a.zone ?? 0) - Number(b.zone ?? 0));
}

async function rowsByZone(options: {
  readonly pool: Pool;
  readonly schema: string;
  readonly generation: string;
}): Promise<Map<string, number>> {
  const q = (table: string) => quoteName(options.schema, table);
  const [rows] = await options.pool.query<RowDataPacket[]>(
    `SELECT CAST(r.zone_id AS CHAR) AS zone, COUNT(*) AS n
     FROM ${q('generation')} g
     JOIN (SELECT generation, MAX(window_start_ms) AS start_ms FROM ${q('published_window')}
           GROUP BY generation) w ON w.generation = g.id
     JOIN ${q('record')} r ON r.generation = g.id AND r.window_start_ms = w.start_ms
     WHERE g.name = ? GROUP BY r.zone_id`,
    [options.generation],
  );
  return new Map(rows.map((row) => [String(row['zone']), Number(row['n'])]));
}
