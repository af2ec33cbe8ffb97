/** A number as a fraction of big integers: what a reference computes with. */
export interface Fraction {
  readonly num: bigint;
  readonly den: bigint;
}

/** The 32-bit float nearest to a positive fraction, ties to even, computed without any float. */
export function nearestFloat32({ num, den }: Fraction): Fraction {
  if (num === 0n) return { num: 0n, den: 1n };
  // Scale by powers of two until the quotient has exactly the 24 bits of a float's mantissa.
  let exponent = BigInt(num.toString(2).length - den.toString(2).length - 24);
  for (;;) {
    const scaled = exponent < 0n ? { n: num << -exponent, d: den } : { n: num, d: den << exponent };
    if (scaled.n < scaled.d << 24n) {
      const mantissa = halfEven(scaled.n, scaled.d);
      return exponent < 0n
        ? { num: mantissa, den: 1n << -exponent }
        : { num: mantissa << exponent, den: 1n };
    }
    exponent += 1n;
  }
}

/** n / d as a whole number, ties to even. */
export function halfEven(n: bigint, d: bigint): bigint {
  const [q, r] = [n / d, n % d];
  if (r * 2n > d || (r * 2n === d && q % 2n === 1n)) return q + 1n;
  return q;
}

export const over = ({ num, den }: Fraction, divisor: bigint): Fraction => ({
  num,
  den: den * divisor,
});
