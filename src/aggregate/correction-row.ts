import type { Window } from '../contracts/time.ts';
import type { Correction } from '../domain/correction.ts';
import { naturalKey } from '../domain/natural-key.ts';
import { recordId } from './record-row.ts';
import { hex, quote } from './sql-text.ts';

/** `INSERT` into table `correction`; one that stands already stays. */
export const insertCorrection = {
  head: `INSERT INTO correction (generation, account_id, window_start_ms, correction_id, window_end_ms,
    partition_id, usage_type, natural_key, record_id, old_quantity, new_quantity, delta, reason,
    event_ids, action, appended_record_id, made_start_ms, made_end_ms, changes, state, amend_to) VALUES`,
  tail: 'ON DUPLICATE KEY UPDATE revision=revision',
};

/** The id of a correction, 32 hexadecimal digits: equal corrections have equal ids. */
export const toCorrectionId = ({ idempotencyKey }: Correction): string => recordId(idempotencyKey);

/** The row constructor of a correction for {@link insertCorrection}. `made`: the window being closed. */
export function correctionRow(
  generation: number,
  partition: number,
  made: Window,
  correction: Correction,
): string {
  const { accountId, window, usageType, oldQuantity, newQuantity, delta, row } = correction;
  const { action, changes, right } = correction;
  const hasChanges = Object.keys(changes).length > 0;
  const kind = toCorrectionId(correction);
  const values = [
    generation,
    accountId,
    window.startMs,
    hex(kind),
    window.endMs,
    partition,
    usageType,
    quote(correction.naturalKey),
    hex(recordId(correction.naturalKey)),
    oldQuantity,
    newQuantity,
    delta,
    quote(correction.reason),
    quote(JSON.stringify(correction.eventIds)),
    quote(action),
    row === null ? 'NULL' : hex(recordId(naturalKey(row, made.startMs, kind))),
    made.startMs,
    made.endMs,
    hasChanges ? quote(JSON.stringify(changes)) : 'NULL',
    action === 'amend' ? "'planned'" : "'made'",
    action === 'amend' && right !== null ? quote(JSON.stringify(right)) : 'NULL',
  ];
  return `(${values.join(',')})`;
}
