import type { FoldEvent } from '../contracts/fold.ts';
import type { AccountId, EventId, U64 } from '../contracts/ids.ts';
import { compareU64 } from '../contracts/ids.ts';
import { sqlDateTime } from '../contracts/time.ts';
import type { Window } from '../contracts/time.ts';
import type { UsageRow } from '../contracts/usage-row.ts';
import { hoursText, rawHours } from './hours.ts';
import { naturalKey, parseNaturalKey } from './natural-key.ts';
import { isRefolded } from './refold.ts';

/**
 * What a correction does. `append`: too little was published, a row of the missing time stands in the
 * window being closed. `ledger`: too much was published, which no row can take back (the column is
 * unsigned): it is only written down, with the quantity that quota is to credit.
 */
export type CorrectionAction = 'append' | 'ledger';
/** Why a published quantity is wrong. */
export type CorrectionReason = 'LATE_EVENT';

/** A published quantity was wrong. Quantities are as the rows have them: ms. */
export interface Correction {
  readonly accountId: AccountId;
  readonly usageType: number;
  readonly key: string;
  /** Identity of the wronged row. */
  readonly naturalKey: string;
  /** The wronged window. */
  readonly window: Window;
  /** The row and all earlier corrections of it; 0 when there is no row. */
  readonly oldQuantity: bigint;
  readonly newQuantity: bigint;
  readonly delta: bigint;
  readonly reason: CorrectionReason;
  /** The late events behind it, in id order; at least one. */
  readonly eventIds: readonly EventId[];
  readonly action: CorrectionAction;
  /** Text with equal content for equal corrections: its hash is the correction's id. */
  readonly idempotencyKey: string;
  /** What `append` publishes; null for `ledger`. */
  readonly row: UsageRow | null;
}

/** What is published under one natural key: the row, and all corrections of it. */
export interface Published {
  readonly quantity: bigint;
  readonly usageId: U64 | null;
  readonly vmInstanceId: U64 | null;
}

export interface CompareInput {
  readonly accountId: AccountId;
  /** A closed window. */
  readonly window: Window;
  /** The window that is being closed now. */
  readonly current: Window;
  /** What the refold made of `window`. */
  readonly rows: readonly UsageRow[];
  /** What stands for `window`, by natural key. */
  readonly published: ReadonlyMap<string, Published>;
  /** The events that made the refold needed; at least one was created before the window's end. */
  readonly late: readonly FoldEvent[];
}

/**
 * Compares what a window should say with what is published of it.
 * @returns one correction for each natural key whose quantity differs, in the order of type and key.
 */
export function correctionsOf(input: CompareInput): Correction[] {
  const { window, rows, published } = input;
  const found: Correction[] = [];
  const right = new Set<string>();
  for (const row of rows) {
    if (!isRefolded(row.usageType)) continue;
    const key = naturalKey(row, window.startMs);
    right.add(key);
    const old = published.get(key)?.quantity ?? 0n;
    const now = BigInt(row.quantity);
    if (now !== old) found.push(toCorrection(input, key, row, old, now));
  }
  for (const [key, { quantity }] of published)
    if (!right.has(key) && quantity !== 0n && isRefolded(parseNaturalKey(key).usageType))
      found.push(toCorrection(input, key, null, quantity, 0n));
  return found.toSorted((a, b) => a.usageType - b.usageType || (a.key < b.key ? -1 : 1));
}

function toCorrection(
  input: CompareInput,
  identity: string,
  row: UsageRow | null,
  oldQuantity: bigint,
  newQuantity: bigint,
): Correction {
  const { accountId, window, current } = input;
  const { usageType, key } = parseNaturalKey(identity);
  const delta = newQuantity - oldQuantity;
  const action = delta > 0n ? 'append' : 'ledger';
  const reason = 'LATE_EVENT';
  const eventIds = blamed(input, row, input.published.get(identity));
  const idempotencyKey = JSON.stringify([
    ...[accountId, usageType, key, window.startMs, window.endMs],
    ...[String(oldQuantity), String(newQuantity), reason, eventIds, action],
  ]);
  return {
    accountId,
    usageType,
    key,
    naturalKey: identity,
    window,
    oldQuantity,
    newQuantity,
    delta,
    reason,
    eventIds,
    action,
    idempotencyKey,
    row: row === null || action === 'ledger' ? null : adjustment(row, delta, window, current),
  };
}

/** Those late events that the row names or that are of its resource; when none is, all that can matter. */
function blamed({ late, window }: CompareInput, row: UsageRow | null, old?: Published): EventId[] {
  const before = late.filter((event) => event.createdMs < window.endMs);
  const named = new Set((row?.lineage ?? []).flatMap((part) => [part.openedBy, part.closedBy]));
  const resources = new Set([row?.usageId, row?.vmInstanceId, old?.usageId, old?.vmInstanceId]);
  const own = before.filter(
    ({ id, resourceId }) => named.has(id) || (resourceId !== null && resources.has(resourceId)),
  );
  return (own.length > 0 ? own : before).map(({ id }) => id).toSorted(compareU64);
}

/** The missing time as a row of the current window, told apart by its description. */
function adjustment(row: UsageRow, delta: bigint, wronged: Window, current: Window): UsageRow {
  const rawUsage = rawHours(Number(delta));
  const { startMs, endMs } = wronged;
  const mark = `Adjustment for ${sqlDateTime(startMs)} .. ${sqlDateTime(endMs - 1)}: `;
  return {
    ...row,
    description: `${mark}${row.description}`.slice(0, 255),
    rawUsage,
    usageDisplay: hoursText(rawUsage),
    quantity: String(delta),
    startMs: current.startMs,
    endMs: current.endMs - 1,
  };
}
