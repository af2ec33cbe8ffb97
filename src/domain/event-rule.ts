import type { FoldEvent, Refused } from '../contracts/fold.ts';
import { isU64, u64 } from '../contracts/ids.ts';
import type { U64 } from '../contracts/ids.ts';
import type { Ledger } from './ledger.ts';

/** Columns of a usage event that some type cannot do without. */
type Needed = 'offeringId' | 'templateId' | 'size' | 'resourceName' | 'virtualSize';
type Having<N extends Needed> = FoldEvent & {
  readonly [K in N]: NonNullable<FoldEvent[K]>;
};

/** Why an event is refused; the event itself is added by the caller. */
export type Refusal = Pick<Refused, 'reason' | 'facts'>;

/** What an event type does to the ledger. A refusal leaves the ledger as it was. */
export type EventRule = (ledger: Ledger, event: FoldEvent) => Refusal | void;

/**
 * Makes the rule of an event type.
 *
 * @param needs.account The account's row must be known.
 * @param needs.values  Columns that must not be NULL; they are checked before `apply` sees the event.
 * @param apply         Changes the ledger, or refuses before it changed anything.
 */
export function eventRule<N extends Needed = never>(
  needs: { readonly account?: boolean; readonly values?: readonly N[] },
  apply: (ledger: Ledger, event: Having<N>) => Refusal | void,
): EventRule {
  return (ledger, event) => {
    if (needs.account === true && !ledger.isAccountKnown)
      return { reason: 'UNKNOWN_ACCOUNT', facts: { accountId: event.accountId } };
    const missing = needs.values?.find((column) => event[column] === null);
    if (missing !== undefined) return missingValue(missing);
    return apply(ledger, event as Having<N>);
  };
}

export const missingValue = (column: string): Refusal => ({
  reason: 'MISSING_VALUE',
  facts: { column },
});

export const zero = u64('0');

/** The event's resource; NULL reads as 0, as in CloudStack. */
export const resource = (event: FoldEvent): U64 => event.resourceId ?? zero;

/** NULL and 0 both mean that there is none. */
export const orNone = (id: U64 | null): U64 | null => (id === zero ? null : id);

/** The detail's value; the first by id when the name occurs twice; null when there is none. */
export const detail = (event: FoldEvent, name: string): string | null =>
  event.details.find((d) => d.name === name)?.value ?? null;

/** A detail that holds an unsigned number of at most `max`; null when there is no such detail. */
export function detailNumber(event: FoldEvent, name: string, max: bigint): U64 | null | Refusal {
  const text = detail(event, name);
  if (text === null) return null;
  const digits = /^\d{1,20}$/.test(text) ? String(BigInt(text)) : '';
  if (isU64(digits) && BigInt(digits) <= max) return digits;
  return { reason: 'INVALID_VALUE', facts: { detail: name, value: text.slice(0, 64) } };
}

export const isRefusal = (value: object | string | null): value is Refusal =>
  value !== null && typeof value === 'object' && 'reason' in value;
