import type { Origin, UsageEvent } from '../../contracts/feed-record.ts';
import type { LineageInterval } from '../../contracts/usage-row.ts';
import { quirksOfRow } from '../../aggregate/quirks-of-row.ts';
import type { StoreReader } from '../../aggregate/store.ts';
import { parseNaturalKey } from '../../domain/natural-key.ts';
import type { QuirkName } from '../../domain/quirks.ts';
import { isRefolded } from '../../domain/refold.ts';
import { quoteName } from '../../platform/mysql.ts';
import type { RowDataPacket } from '../../platform/mysql.ts';
import { quantityUnit } from '../../sink/quantity-unit.ts';
import type { ExplainStore, RecordRow } from './find-rows.ts';

/** An event behind a row, with the way back to the binlog. */
export interface ExplainedEvent {
  readonly id: string;
  readonly incarnation: number;
  readonly type: string;
  readonly createdMs: number;
  readonly event: UsageEvent;
  readonly details: readonly { readonly name: string; readonly value: string }[];
  readonly feed: { readonly topic: string; readonly partition: number; readonly offset: string };
  readonly origin: Origin;
  /** It came after its window was closed. */
  readonly late: boolean;
}

export interface ExplainedInterval extends LineageInterval {
  /** null: no event that is held opened it (a base taken over from a Java server). */
  readonly opening: ExplainedEvent | null;
  /** null while open at the end of the window, or not held. */
  readonly closing: ExplainedEvent | null;
}

export interface ExplainedCorrection {
  readonly id: string;
  /** The row's quantity was wrong, or this row is the difference that was appended. */
  readonly role: 'corrects this row' | 'made this row';
  readonly wrongedWindowMs: number;
  readonly madeInWindowMs: number;
  readonly reason: string;
  readonly action: string;
  readonly oldQuantity: string;
  readonly newQuantity: string;
  readonly delta: string;
  readonly events: readonly string[];
}

export interface ExplainedAnomaly {
  readonly code: string;
  readonly eventId: string | null;
  readonly windowStartMs: number;
  readonly facts: unknown;
}

/** Everything that is known of where a row comes from. */
export interface Explanation {
  readonly generation: string;
  readonly recordId: string;
  readonly row: RecordRow;
  readonly unit: string;
  readonly quantity: string;
  readonly intervals: readonly ExplainedInterval[];
  /** Sum over the intervals, in the unit of the row; null for totals, which have none. */
  readonly intervalSum: string | null;
  readonly corrections: readonly ExplainedCorrection[];
  /** What quantity and all corrections come to. */
  readonly correctedQuantity: string;
  readonly anomalies: readonly ExplainedAnomaly[];
  /** Quirks without which the row would be another, or none; null: not looked for, as for totals and corrections. */
  readonly quirks: readonly QuirkName[] | null;
  /** Of a row made of totals: the statistics rows of the account, newest content. */
  readonly counters: readonly {
    readonly kind: string;
    readonly body: unknown;
    readonly feed: string;
  }[];
}

/** Gathers what the tables hold of a row: a few queries by key, whatever its age. */
export async function explainRow(
  store: ExplainStore,
  row: RecordRow,
  reader: StoreReader | null,
): Promise<Explanation> {
  const lineage = JSON.parse(row['lineage'] ?? '[]') as LineageInterval[];
  const corrections = await readCorrections(store, row);
  const ids = new Set(
    lineage.flatMap(({ openedBy, closedBy }) => [openedBy, closedBy ?? openedBy]),
  );
  const events = await readEvents(store, row, ids);
  const sum = lineage.reduce((total, { billedMs }) => total + BigInt(billedMs), 0n);
  const quantity = row['quantity'] ?? '0';
  const isTotal = lineage.length === 0;
  const added = corrections
    .filter(({ role }) => role === 'corrects this row')
    .reduce((total, { delta }) => total + BigInt(delta), 0n);
  return {
    generation: store.generation.name,
    recordId: row['record_id'] ?? '',
    row,
    unit: quantityUnit(Number(row['usage_type'])),
    quantity,
    intervals: lineage.map((interval) => ({
      ...interval,
      opening: events.get(interval.openedBy) ?? null,
      closing: interval.closedBy === null ? null : (events.get(interval.closedBy) ?? null),
    })),
    intervalSum: isTotal ? null : String(sum),
    corrections,
    correctedQuantity: String(BigInt(quantity) + added),
    anomalies: await readAnomalies(store, row, ids),
    quirks: reader === null ? null : await findQuirks(store, row, reader),
    counters: isTotal && row['kind'] === 'usage' ? await readCounters(store, row) : [],
  };
}

function findQuirks(
  { generation }: ExplainStore,
  row: RecordRow,
  reader: StoreReader,
): Promise<QuirkName[]> | null {
  const key = row['natural_key'];
  if (row['kind'] !== 'usage' || !key || !isRefolded(Number(row['usage_type']))) return null;
  const window = {
    startMs: Number(row['window_start_ms']),
    endMs: Number(row['window_end_ms']),
  };
  return quirksOfRow(reader, generation, parseNaturalKey(key), window);
}

async function readEvents(
  { pool, schema, generation }: ExplainStore,
  row: RecordRow,
  ids: ReadonlySet<string>,
): Promise<Map<string, ExplainedEvent>> {
  const found = new Map<string, ExplainedEvent>();
  if (ids.size === 0) return found;
  const wanted = [...ids];
  for (let at = 0; at < wanted.length; at += 1000) {
    const some = wanted.slice(at, at + 1000);
    const [rows] = await pool.query<RowDataPacket[]>(
      `SELECT CAST(event_id AS CHAR) AS id, incarnation, partition_id,
              CAST(feed_offset AS CHAR) AS feed_offset, late, body
       FROM ${quoteName(schema, 'event')} FORCE INDEX (identity)
       WHERE generation = ? AND event_id IN (?) AND account_id = ? ORDER BY incarnation`,
      [generation.id, some, row['account_id']],
    );
    const [details] = await pool.query<RowDataPacket[]>(
      `SELECT CAST(event_id AS CHAR) AS id, incarnation, name, value
       FROM ${quoteName(schema, 'event_detail')}
       WHERE generation = ? AND account_id = ? AND event_id IN (?) ORDER BY detail_id`,
      [generation.id, row['account_id'], some],
    );
    for (const one of rows) {
      const { event, origin } = JSON.parse(String(one['body'])) as {
        event: UsageEvent;
        origin: Origin;
      };
      const incarnation = Number(one['incarnation']);
      found.set(String(one['id']), {
        id: String(one['id']),
        incarnation,
        type: event.type,
        createdMs: event.createdMs,
        event,
        origin,
        details: details
          .filter((d) => d['id'] === one['id'] && Number(d['incarnation']) === incarnation)
          .map((d) => ({ name: String(d['name']), value: String(d['value']) })),
        feed: {
          topic: generation.feedTopic,
          partition: Number(one['partition_id']),
          offset: String(one['feed_offset']),
        },
        late: Number(one['late']) === 1,
      });
    }
  }
  return found;
}

async function readCorrections(
  { pool, schema, generation }: ExplainStore,
  row: RecordRow,
): Promise<ExplainedCorrection[]> {
  const [rows] = await pool.query<RowDataPacket[]>(
    `SELECT LOWER(HEX(correction_id)) AS id, LOWER(HEX(record_id)) AS record_id, window_start_ms,
            made_start_ms, reason, action, CAST(old_quantity AS CHAR) AS old_quantity,
            CAST(new_quantity AS CHAR) AS new_quantity, CAST(delta AS CHAR) AS delta, event_ids
     FROM ${quoteName(schema, 'correction')}
     WHERE generation = ? AND account_id = ?
       AND ((window_start_ms = ? AND record_id = UNHEX(?)) OR HEX(correction_id) = UPPER(?))
     ORDER BY made_start_ms`,
    [
      ...[generation.id, row['account_id'], row['window_start_ms'], row['record_id']],
      row['kind'] === 'usage' ? '' : row['kind'],
    ],
  );
  return rows.map((one) => ({
    id: String(one['id']),
    role: one['record_id'] === row['record_id'] ? 'corrects this row' : 'made this row',
    wrongedWindowMs: Number(one['window_start_ms']),
    madeInWindowMs: Number(one['made_start_ms']),
    reason: String(one['reason']),
    action: String(one['action']),
    oldQuantity: String(one['old_quantity']),
    newQuantity: String(one['new_quantity']),
    delta: String(one['delta']),
    events: (JSON.parse(String(one['event_ids'])) as unknown[]).map(String),
  }));
}

async function readAnomalies(
  { pool, schema, generation }: ExplainStore,
  row: RecordRow,
  ids: ReadonlySet<string>,
): Promise<ExplainedAnomaly[]> {
  const [rows] = await pool.query<RowDataPacket[]>(
    `SELECT code, CAST(event_id AS CHAR) AS event_id, window_start_ms, facts
     FROM ${quoteName(schema, 'anomaly')}
     WHERE generation = ? AND account_id = ? AND event_id IN (?) ORDER BY event_id, code`,
    [generation.id, row['account_id'], ids.size === 0 ? [0] : [...ids]],
  );
  return rows
    .filter((one) => one['event_id'] !== '0')
    .map((one) => ({
      code: String(one['code']),
      eventId: String(one['event_id']),
      windowStartMs: Number(one['window_start_ms']),
      facts: JSON.parse(String(one['facts'])) as unknown,
    }));
}

const countersOf: Readonly<Record<number, string>> = {
  4: 'user_statistics',
  5: 'user_statistics',
  21: 'vm_disk_statistics',
  22: 'vm_disk_statistics',
  23: 'vm_disk_statistics',
  24: 'vm_disk_statistics',
  29: 'bucket_statistics',
};

async function readCounters(
  { pool, schema, generation }: ExplainStore,
  row: RecordRow,
): Promise<Explanation['counters']> {
  const kind = countersOf[Number(row['usage_type'])];
  if (kind === undefined) return [];
  const [rows] = await pool.query<RowDataPacket[]>(
    `SELECT kind, partition_id, CAST(feed_offset AS CHAR) AS feed_offset, body
     FROM ${quoteName(schema, 'fact')} WHERE generation = ? AND account_id = ? AND kind = ?`,
    [generation.id, row['account_id'], kind],
  );
  return rows
    .map((one) => ({
      kind,
      body: JSON.parse(String(one['body'])) as { counter?: Readonly<Record<string, unknown>> },
      feed: `${generation.feedTopic}[${String(one['partition_id'])}]@${String(one['feed_offset'])}`,
    }))
    .filter(({ body }) => isOf(body.counter ?? {}, row));
}

/** The statistics rows that a row's total was made of, as `counters` groups them. */
function isOf(counter: Readonly<Record<string, unknown>>, row: RecordRow): boolean {
  const same = (value: unknown, column: string) => (value === '0' ? null : value) === row[column];
  switch (counter['table']) {
    case 'bucket_statistics':
      return counter['bucketId'] === row['usage_id'];
    case 'user_statistics':
      return (
        counter['zoneId'] === row['zone_id'] &&
        same(counter['deviceId'], 'usage_id') &&
        counter['networkId'] === row['network_id']
      );
    default:
      return (
        counter['zoneId'] === row['zone_id'] &&
        counter['volumeId'] === row['usage_id'] &&
        (row['vm_instance_id'] === null || counter['vmId'] === row['vm_instance_id'])
      );
  }
}
