import { crashPoint } from '../platform/crash-points.ts';
import { sendTogether } from '../platform/log/send-together.ts';
import { corrections } from '../../streams/index.ts';
import { u64 } from '../contracts/ids.ts';
import { CorrectionMessage, MESSAGE_VERSION } from '../contracts/messages.ts';
import type { OutRecord } from '../platform/log/log.ts';
import { quantityUnit } from './quantity-unit.ts';
import type { SendContext } from './send-window.ts';
import type { SqlRow, SqlValue } from './session.ts';

const pageRows = 500;

/**
 * Sends the corrections that the close of a window made, in the order of account, wronged window and id, each
 * to its account's partition. Read page by page, each page in a transaction of its own.
 *
 * @param madeStartMs Start of the window whose close made them.
 * @returns corrections sent, or null when the signal aborted half-way: they have to be sent again
 */
export async function sendCorrections(
  context: SendContext,
  madeStartMs: number,
): Promise<number | null> {
  const { writer, signal } = context;
  let after: SqlRow | undefined;
  for (let sent = 0; ;) {
    if (signal.aborted) return null;
    const page = await readPage(context, madeStartMs, after);
    if (page.length === 0) return sent;
    await sendTogether(
      writer,
      page.map((row) => correctionMessage(context, row)),
      () => crashPoint('sink.corrections-before-send-commit'),
    );
    sent += page.length;
    after = page.at(-1);
  }
}

function readPage({ session, t, generation }: SendContext, madeStartMs: number, after?: SqlRow) {
  const [from, values] =
    after === undefined
      ? ['', []]
      : [
          'AND (account_id, window_start_ms, correction_id) > (?, ?, ?)',
          [after['account_id'], after['window_start_ms'], after['correction_id']],
        ];
  return session.rows(
    `SELECT account_id, window_start_ms, correction_id, window_end_ms, partition_id, usage_type,
       natural_key, record_id, old_quantity, new_quantity, delta, reason, event_ids, action,
       appended_record_id, made_start_ms, made_end_ms, changes, state, state_reason, revision
     FROM ${t.correction} WHERE generation = ? AND made_start_ms = ? ${from}
     ORDER BY account_id, window_start_ms, correction_id LIMIT ${pageRows}`,
    [generation.id, madeStartMs, ...values],
  );
}

function correctionMessage({ prefix, generation }: SendContext, row: SqlRow): OutRecord {
  const usageType = Number(row['usage_type']);
  const delta = text(row['delta']);
  const state = CorrectionMessage.shape.state.parse(row['state']);
  const message: CorrectionMessage = {
    v: MESSAGE_VERSION,
    correctionId: hex(row['correction_id']) ?? '',
    revision: Number(row['revision']),
    generation: generation.name,
    accountId: u64(text(row['account_id'])),
    usageType,
    naturalKey: text(row['natural_key']),
    recordId: hex(row['record_id']) ?? '',
    window: { startMs: Number(row['window_start_ms']), endMs: Number(row['window_end_ms']) },
    oldQuantity: text(row['old_quantity']),
    newQuantity: text(row['new_quantity']),
    delta,
    unit: quantityUnit(usageType),
    reason: text(row['reason']),
    eventIds: CorrectionMessage.shape.eventIds.parse(JSON.parse(text(row['event_ids']))),
    action: CorrectionMessage.shape.action.parse(row['action']),
    madeIn: { startMs: Number(row['made_start_ms']), endMs: Number(row['made_end_ms']) },
    changes: CorrectionMessage.shape.changes.parse(JSON.parse(text(row['changes'] ?? '{}'))),
    state,
    stateReason: row['state_reason'] == null ? null : text(row['state_reason']),
    appendedRecordId: state === 'amended' ? null : hex(row['appended_record_id']),
    creditQuantity: state !== 'amended' && delta.startsWith('-') ? delta.slice(1) : null,
  };
  return {
    topic: corrections.topic(prefix),
    // as its records: one account's stay in sequence
    partition: Number(row['partition_id']),
    key: message.accountId,
    value: JSON.stringify(message),
  };
}

const text = (value: SqlValue | undefined): string => String(value ?? '');
const hex = (value: SqlValue | undefined): string | null =>
  Buffer.isBuffer(value) ? value.toString('hex') : null;
