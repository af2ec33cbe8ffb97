import { z } from 'zod';

/**
 * An unsigned 64-bit number of CloudStack's schema as decimal text, "0" to "18446744073709551615".
 * Text, because ids and sizes pass 2^53, where a JavaScript number would silently change them.
 */
export type U64 = string & { readonly __brand: 'U64' };
export type AccountId = U64 & { readonly __id: 'account' };
export type ZoneId = U64 & { readonly __id: 'zone' };
export type EventId = U64 & { readonly __id: 'event' };

const max = '18446744073709551615';
const digits = /^(?:0|[1-9][0-9]{0,19})$/;

/** True when the text is a canonical unsigned 64-bit decimal: no sign, no leading zero, in range. */
export function isU64(text: string): text is U64 {
  return digits.test(text) && (text.length < 20 || text <= max);
}

/** Brands canonical decimal text. @throws RangeError when the text is not an unsigned 64-bit decimal. */
export function u64<T extends U64 = U64>(text: string | number | bigint): T {
  const decimal = String(text);
  if (!isU64(decimal)) throw new RangeError(`not an unsigned 64-bit decimal: ${decimal}`);
  return decimal as T;
}

/** Numeric order of two decimal ids without leaving text: shorter is smaller, then digit by digit. */
export function compareU64(a: U64, b: U64): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

const schema = <T extends U64>() =>
  z.string().refine(isU64, 'not an unsigned 64-bit decimal') as unknown as z.ZodType<T, string>;

export const U64Schema = schema<U64>();
export const AccountIdSchema = schema<AccountId>();
export const ZoneIdSchema = schema<ZoneId>();
export const EventIdSchema = schema<EventId>();
