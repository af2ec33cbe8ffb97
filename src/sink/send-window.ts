import { usageRecords, usageWindows } from '../../streams/index.ts';
import { MESSAGE_VERSION } from '../contracts/messages.ts';
import type { UsageRecordMessage, UsageWindowMessage } from '../contracts/messages.ts';
import { u64 } from '../contracts/ids.ts';
import { crashPoint } from '../platform/crash-points.ts';
import type { LogWriter, OutRecord } from '../platform/log/log.ts';
import type { Generation } from './generation.ts';
import { jsonOrText } from './json-or-text.ts';
import { quantityUnit } from './quantity-unit.ts';
import type { Session, SqlRow, SqlValue } from './session.ts';
import type { StoreTables } from './store-tables.ts';

export interface SendContext {
  readonly session: Session;
  readonly t: StoreTables;
  readonly generation: Generation;
  readonly prefix: string;
  readonly writer: LogWriter;
  readonly signal: AbortSignal;
}

const pageRows = 4000;
/** Kafka ends a transaction that stays open for long, so a large window is sent in several. */
const transactionRows = 8000;

/**
 * Sends a published window: its records in order of account, each to its account's partition, then the
 * control totals, alone after all of them. Read page by page, so memory does not grow with the window.
 *
 * @returns records sent, or null when the signal aborted half-way: it has to be sent again
 */
export async function sendWindow(context: SendContext, startMs: number): Promise<number | null> {
  const { session, t, generation, signal } = context;
  const published = await session.row(
    `SELECT window_end_ms, mode FROM ${t.publishedWindow}
     WHERE generation = ? AND window_start_ms = ?`,
    [generation.id, startMs],
  );
  if (!published) return 0;
  let after: SqlRow | undefined;
  let sent = 0;
  for (let more = true; more;) {
    const transaction = await context.writer.begin();
    try {
      for (let inTransaction = 0; more && inTransaction < transactionRows;) {
        if (signal.aborted) {
          await transaction.abort();
          return null;
        }
        const page = await readPage(context, startMs, after);
        if (page.length > 0)
          await transaction.append(page.map((row) => recordMessage(context, row)));
        after = page.at(-1);
        more = page.length === pageRows;
        inTransaction += page.length;
        sent += page.length;
      }
      if (!more) await transaction.append([await windowMessage(context, startMs, published)]);
      crashPoint('sink.outbox-before-send-commit');
      await transaction.commit();
    } catch (error) {
      await transaction.abort().catch(() => {}); // the first error says more
      throw error;
    }
  }
  return sent;
}

function readPage({ session, t, generation }: SendContext, startMs: number, after?: SqlRow) {
  const account = after?.['account_id'];
  const [from, values] =
    after === undefined
      ? ['', []]
      : [
          'AND account_id >= ? AND (account_id > ? OR record_id > ?)',
          [account, account, after['record_id']],
        ];
  return session.rows(
    `SELECT account_id, record_id, window_start_ms, window_end_ms, partition_id, kind, usage_type,
       natural_key, revision, quantity, zone_id, domain_id, description, usage_display,
       CAST(raw_usage AS CHAR) AS raw_usage,
       vm_instance_id, vm_name, offering_id, template_id, usage_id, type, size, network_id,
       virtual_size, cpu_speed, cpu_cores, memory, is_hidden, state, start_date, end_date, lineage,
       cloud_usage_id
     FROM ${t.record} WHERE generation = ? AND window_start_ms = ? ${from}
     ORDER BY account_id, record_id LIMIT ${pageRows}`,
    [generation.id, startMs, ...values],
  );
}

function recordMessage({ prefix, generation }: SendContext, row: SqlRow): OutRecord {
  const usageType = Number(row['usage_type']);
  const recordId = Buffer.isBuffer(row['record_id']) ? row['record_id'].toString('hex') : '';
  const message: UsageRecordMessage = {
    v: MESSAGE_VERSION,
    recordId,
    revision: Number(row['revision']),
    generation: generation.name,
    kind: text(row['kind']),
    accountId: u64(text(row['account_id'])),
    usageType,
    naturalKey: text(row['natural_key']),
    window: { startMs: Number(row['window_start_ms']), endMs: Number(row['window_end_ms']) },
    quantity: text(row['quantity']),
    unit: quantityUnit(usageType),
    cloudUsageId: id(row['cloud_usage_id']),
    row: {
      zoneId: u64(text(row['zone_id'])),
      domainId: u64(text(row['domain_id'])),
      description: text(row['description']),
      usageDisplay: text(row['usage_display']),
      rawUsage: Number(row['raw_usage']),
      vmInstanceId: id(row['vm_instance_id']),
      vmName: textOrNull(row['vm_name']),
      offeringId: id(row['offering_id']),
      templateId: id(row['template_id']),
      usageId: id(row['usage_id']),
      type: textOrNull(row['type']),
      size: id(row['size']),
      networkId: id(row['network_id']),
      virtualSize: id(row['virtual_size']),
      cpuSpeed: id(row['cpu_speed']),
      cpuCores: id(row['cpu_cores']),
      memory: id(row['memory']),
      isHidden: Number(row['is_hidden']) !== 0,
      state: textOrNull(row['state']),
      startDate: text(row['start_date']),
      endDate: text(row['end_date']),
    },
    lineage: jsonOrText(text(row['lineage'])),
  };
  return {
    topic: usageRecords.topic(prefix),
    // by account, not by key: so one account's records stay in sequence across windows
    partition: Number(row['partition_id']),
    key: recordId,
    value: JSON.stringify(message),
  };
}

async function windowMessage(
  { session, t, generation, prefix }: SendContext,
  startMs: number,
  published: SqlRow,
): Promise<OutRecord> {
  const types = await session.rows(
    `SELECT usage_type, COUNT(*) AS n, SUM(quantity) AS quantity FROM ${t.record}
     WHERE generation = ? AND window_start_ms = ? GROUP BY usage_type ORDER BY usage_type`,
    [generation.id, startMs],
  );
  const totals = types.map((type) => ({
    usageType: Number(type['usage_type']),
    rows: Number(type['n']),
    quantity: text(type['quantity']),
    unit: quantityUnit(Number(type['usage_type'])),
  }));
  const message: UsageWindowMessage = {
    v: MESSAGE_VERSION,
    generation: generation.name,
    mode: published['mode'] === 'primary' ? 'primary' : 'shadow',
    window: { startMs, endMs: Number(published['window_end_ms']) },
    rows: totals.reduce((sum, type) => sum + type.rows, 0),
    totals,
  };
  return {
    topic: usageWindows.topic(prefix),
    partition: null,
    key: new Date(startMs).toISOString(),
    value: JSON.stringify(message),
  };
}

const text = (value: SqlValue | undefined): string => String(value ?? '');
const textOrNull = (value: SqlValue | undefined): string | null =>
  value === null || value === undefined ? null : String(value);
const id = (value: SqlValue | undefined) =>
  value === null || value === undefined ? null : u64(text(value));
