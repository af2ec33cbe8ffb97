interface Unit {
  readonly name: string;
  readonly bytes: number;
  readonly decimals: number;
  /** Sizes below this use the unit. */
  readonly below: bigint;
}

const units: readonly Unit[] = [
  { name: 'KB', bytes: 2 ** 10, decimals: 2, below: 1n << 20n },
  { name: 'MB', bytes: 2 ** 20, decimals: 2, below: 1n << 30n },
  { name: 'GB', bytes: 2 ** 30, decimals: 2, below: 1n << 40n },
];
const terabytes = { name: 'TB', bytes: 2 ** 40, decimals: 4 };

/**
 * A size as CloudStack writes it into descriptions, short form and bytes: `(8.00 GB) 8589934592`.
 * Two decimals up to GB, four for TB; the quotient is a 32-bit float whose shortest decimal text
 * is rounded half-up, which is why 1 048 575 bytes are `(1024.00 KB)`.
 *
 * @param bytes Whole bytes, >= 0.
 */
export function sizeText(bytes: bigint): string {
  if (bytes < 1024n) return `(${bytes} bytes) ${bytes}`;
  const unit = units.find(({ below }) => bytes < below) ?? terabytes;
  // The unit is a power of two, so dividing by it only moves the exponent of the float.
  const quotient = nearestFloat(bytes) / unit.bytes;
  return `(${roundHalfUp(String(quotient), unit.decimals)} ${unit.name}) ${bytes}`;
}

/** The 32-bit float nearest to a big integer. Through a double it would be rounded twice above 2^53. */
function nearestFloat(n: bigint): number {
  if (n < 1n << 53n) return Math.fround(Number(n));
  // Bits below those a float can see matter only as "more than nothing": keep that as the last bit.
  const shift = 12n;
  const top = n >> shift;
  const inexact = top << shift === n ? 0n : 1n;
  return Math.fround(Number(top | inexact)) * 2 ** Number(shift);
}

/** Rounds plain decimal text (no sign, no exponent) half-up to `decimals` places. */
function roundHalfUp(text: string, decimals: number): string {
  const [whole = '0', fraction = ''] = text.split('.');
  const kept = Number(whole + fraction.slice(0, decimals).padEnd(decimals, '0'));
  const digits = String(kept + ((fraction[decimals] ?? '0') >= '5' ? 1 : 0));
  return `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}
