import type { AccountId } from '../contracts/ids.ts';
import type { Window } from '../contracts/time.ts';
import type { CorrectionAction } from './correction.ts';
import { hoursText, rawHours } from './hours.ts';
import { naturalKey } from './natural-key.ts';

/** What another generation says of a row that quota has charged. */
export interface ChargedCorrection {
  readonly accountId: AccountId;
  readonly oldQuantity: bigint;
  readonly newQuantity: bigint;
  readonly delta: bigint;
  readonly action: CorrectionAction;
  /** Text with equal content for equal corrections: its hash is the correction's id. */
  readonly idempotencyKey: string;
  /** Of the row that `append` publishes, as usage rows of the type have them; nothing for `ledger`. */
  readonly rawUsage: string;
  readonly usageDisplay: string;
  /** Of that row, by the correction's id. */
  readonly naturalKey: (id: string) => string;
}

interface Wronged {
  readonly accountId: AccountId;
  readonly usageType: number;
  readonly key: string;
  readonly window: Window;
}

/**
 * The correction of a charged row: too little is appended to the window that is published next, too much is
 * written down, for a credit. Quantities are exact: ms, bytes or requests.
 */
export function chargedCorrection(
  wronged: Wronged,
  oldQuantity: bigint,
  newQuantity: bigint,
  made: Window,
): ChargedCorrection {
  const { accountId, usageType, key, window } = wronged;
  const delta = newQuantity - oldQuantity;
  const action = delta > 0n ? 'append' : 'ledger';
  const unit = unitOf(usageType);
  const hours = rawHours(Number(delta > 0n ? delta : 0n));
  return {
    ...{ accountId, oldQuantity, newQuantity, delta, action },
    idempotencyKey: JSON.stringify([
      ...[accountId, usageType, key, window.startMs, window.endMs, made.startMs],
      ...[String(oldQuantity), String(newQuantity), 'CUTOVER', action],
    ]),
    rawUsage: unit === null ? String(hours) : String(delta),
    usageDisplay: unit === null ? hoursText(hours) : `${delta} ${unit}`,
    naturalKey: (id) => naturalKey(wronged, made.startMs, id),
  };
}

/** Null: hours. */
function unitOf(usageType: number): string | null {
  if ([4, 5, 23, 24, 29].includes(usageType)) return 'bytes';
  return usageType === 21 || usageType === 22 ? 'requests' : null;
}
