import type { FoldEvent } from '../contracts/fold.ts';
import type { AccountId, EventId } from '../contracts/ids.ts';
import { compareU64 } from '../contracts/ids.ts';
import { sqlDateTime } from '../contracts/time.ts';
import type { Window } from '../contracts/time.ts';
import type { UsageRow } from '../contracts/usage-row.ts';
import { hoursText, rawHours } from './hours.ts';
import { naturalKey, parseNaturalKey } from './natural-key.ts';
import { isRefolded } from './refold.ts';
import { columnChanges, rowColumns } from './row-columns.ts';
import type { ColumnChanges, RowColumns } from './row-columns.ts';

/**
 * What a correction does. `append`: too little was published, a row of the missing time stands in the
 * window being closed. `ledger`: it is only written down; of too much, which no row can take back (the
 * column is unsigned), with the quantity that quota is to credit. `amend`: the published row itself is
 * to be changed, if no quota has seen it by then; a row of missing time is held ready for when it may not.
 */
export type CorrectionAction = 'append' | 'ledger' | 'amend';
/** Why what was published is wrong. `BEYOND_REACH`: by a late event too, but too long ago to be billed. `CUTOVER`: another
 * generation says otherwise, and quota has charged the row. */
export type CorrectionReason = 'LATE_EVENT' | 'LATE_DETAIL' | 'BEYOND_REACH' | 'CUTOVER';

/** What corrections may do. */
export interface CorrectionRules {
  /** `append`: what is missing is billed; `ledger`: nothing is; `amend`: rows are changed in place. */
  readonly mode: CorrectionAction;
  /** How far before the window being closed they reach, ms; what is older is only written down. */
  readonly reachMs: number;
}

/** Missing time is billed, however old it is. */
export const defaultCorrections: CorrectionRules = { mode: 'append', reachMs: Infinity };

/** An event that a fold of the past is needed for: it was late, or a detail of it was. */
export interface LateEvent extends FoldEvent {
  readonly isDetailOnly?: boolean;
}

/** What was published is wrong. Quantities are as the rows have them: ms. */
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
  /** 0 when only columns were wrong. */
  readonly delta: bigint;
  /** Other columns of the row that were wrong; all of them when there was none; none when there is to be none. */
  readonly changes: ColumnChanges;
  readonly reason: CorrectionReason;
  /** The late events behind it, in id order; at least one. */
  readonly eventIds: readonly EventId[];
  readonly action: CorrectionAction;
  /** Text with equal content for equal corrections: its hash is the correction's id. */
  readonly idempotencyKey: string;
  /** What `append` publishes, and `amend` where it must not amend and time is missing; else null. */
  readonly row: UsageRow | null;
  /** What the row of `newQuantity` says, for `amend`; null when there is to be none. */
  readonly right: Pick<UsageRow, 'rawUsage' | 'usageDisplay'> | null;
}

/** What is published under one natural key: the row, and all corrections of it. */
export interface Published {
  readonly quantity: bigint;
  /** Whether there is a row, or corrections alone. */
  readonly hasRow: boolean;
  /** As the row and its corrections have them. */
  readonly columns: RowColumns;
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
  readonly late: readonly LateEvent[];
  readonly rules?: CorrectionRules;
}

/**
 * Compares what a window should say with what is published of it.
 * @returns one correction for each natural key whose quantity or columns differ, in the order of type and key.
 */
export function correctionsOf(input: CompareInput): Correction[] {
  const { window, rows, published } = input;
  const found: Correction[] = [];
  const right = new Set<string>();
  for (const row of rows) {
    if (!isRefolded(row.usageType)) continue;
    const key = naturalKey(row, window.startMs);
    right.add(key);
    const old = published.get(key) ?? nothing;
    const changes = columnChanges(old.columns, rowColumns(row));
    // A row of nothing that is not there is not missed.
    if (BigInt(row.quantity) !== old.quantity || (old !== nothing && isWrong(changes)))
      found.push(toCorrection(input, key, row, old, changes));
  }
  for (const [key, old] of published)
    if (!right.has(key) && old.quantity !== 0n && isRefolded(parseNaturalKey(key).usageType))
      found.push(toCorrection(input, key, null, old, {}));
  return found.toSorted((a, b) => a.usageType - b.usageType || (a.key < b.key ? -1 : 1));
}

const nothing: Published = { quantity: 0n, hasRow: false, columns: {} };
const isWrong = (changes: ColumnChanges): boolean => Object.keys(changes).length > 0;

function toCorrection(
  input: CompareInput,
  identity: string,
  row: UsageRow | null,
  old: Published,
  changes: ColumnChanges,
): Correction {
  const { accountId, window, current, rules = defaultCorrections } = input;
  const { usageType, key } = parseNaturalKey(identity);
  const oldQuantity = old.quantity;
  const newQuantity = BigInt(row?.quantity ?? 0);
  const delta = newQuantity - oldQuantity;
  const isBeyond = window.startMs < current.startMs - rules.reachMs;
  const action = isBeyond ? 'ledger' : actionOf(rules, delta, old.hasRow);
  const behind = blamed(input, row, old);
  const isOfDetails = behind.every(({ isDetailOnly }) => isDetailOnly === true);
  const reason = isBeyond ? 'BEYOND_REACH' : isOfDetails ? 'LATE_DETAIL' : 'LATE_EVENT';
  const eventIds = behind.map(({ id }) => id).toSorted(compareU64);
  const idempotencyKey = JSON.stringify([
    ...[accountId, usageType, key, window.startMs, window.endMs],
    ...[String(oldQuantity), String(newQuantity), reason, eventIds, action],
    ...(isWrong(changes) && old.hasRow ? [changes] : []),
  ]);
  const isMissing = row !== null && delta > 0n && action !== 'ledger';
  return {
    accountId,
    usageType,
    key,
    naturalKey: identity,
    window,
    oldQuantity,
    newQuantity,
    delta,
    changes,
    reason,
    eventIds,
    action,
    idempotencyKey,
    row: isMissing ? adjustment(row, delta, window, current) : null,
    right: row === null ? null : { rawUsage: row.rawUsage, usageDisplay: row.usageDisplay },
  };
}

function actionOf({ mode }: CorrectionRules, delta: bigint, hasRow: boolean): CorrectionAction {
  if (mode === 'ledger') return 'ledger';
  if (mode === 'amend' && hasRow) return 'amend';
  return delta > 0n ? 'append' : 'ledger';
}

/** Those late events that the row names or that are of its resource; when none is, all that can matter. */
function blamed({ late, window }: CompareInput, row: UsageRow | null, old: Published): LateEvent[] {
  const before = late.filter((event) => event.createdMs < window.endMs);
  const named = new Set((row?.lineage ?? []).flatMap((part) => [part.openedBy, part.closedBy]));
  const { usage_id: usageId, vm_instance_id: vmId } = old.columns;
  const resources = new Set<string | null | undefined>([row?.usageId, row?.vmInstanceId]);
  for (const id of [usageId, vmId]) resources.add(id);
  const own = before.filter(
    ({ id, resourceId }) => named.has(id) || (resourceId !== null && resources.has(resourceId)),
  );
  return own.length > 0 ? own : before;
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
