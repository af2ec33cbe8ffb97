const microsPerHour = 1_000_000;
const maxHours = 2 ** 53 / microsPerHour;

/**
 * Milliseconds as the hours that CloudStack stores in `raw_usage`.
 *
 * Java computes them in 32-bit floats, so 86 400 001 ms are exactly 24 and 86 399 001 ms are
 * 23.99972152709961: the loss is part of the published number and is reproduced to the bit.
 *
 * @param ms Billed milliseconds, whole; at most 2^53.
 * @returns hours: a 32-bit float widened to a double.
 * @see IEEE 754, binary32; `Math.fround` rounds to nearest even, as a Java float operation does.
 */
export function rawHours(ms: number): number {
  const seconds = Math.fround(Math.fround(ms) / 1000);
  const minutes = Math.fround(seconds / 60);
  return Math.fround(minutes / 60);
}

/**
 * The text of `usage_display` for the hour types, for example `0.342935 Hrs`: the exact binary
 * value rounded half-even to six decimals, no trailing zeros, no grouping, `.` as separator.
 *
 * @param raw A result of {@link rawHours}.
 * @throws RangeError when `raw` is negative, not a 32-bit float, or above 2^53 / 10^6 hours.
 */
export function hoursText(raw: number): string {
  if (!(raw >= 0 && raw <= maxHours) || Math.fround(raw) !== raw)
    throw new RangeError(`not hours of usage: ${raw}`);
  // 24 bits of the float times 14 bits of 5^6 fit into a double: this product has no error,
  // which is why `toFixed`, wrong on ties, is not needed and neither are big integers.
  const millionths = roundHalfEven(raw * microsPerHour);
  const whole = Math.floor(millionths / microsPerHour);
  const rest = millionths % microsPerHour;
  if (rest === 0) return `${whole} Hrs`;
  return `${whole}.${String(rest).padStart(6, '0').replace(/0+$/, '')} Hrs`;
}

function roundHalfEven(exact: number): number {
  const below = Math.floor(exact);
  const over = exact - below;
  if (over === 0.5) return below % 2 === 0 ? below : below + 1;
  return over < 0.5 ? below : below + 1;
}
