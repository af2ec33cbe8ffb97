import { expect, test } from 'vitest';
import { hoursText, rawHours } from '../../../src/domain/hours.ts';
import { seededRandom } from '../../../src/simulate/random.ts';
import { halfEven, nearestFloat32, over } from '../../support/exact-float.ts';
import type { Fraction } from '../../support/exact-float.ts';

test.each([
  [0, '0 Hrs', 0],
  [1, '0 Hrs', 2.7777778655035945e-7],
  [1_000, '0.000278 Hrs', 2.7777778450399637e-4],
  [28_125, '0.007812 Hrs', 0.0078125],
  [84_375, '0.023438 Hrs', 0.0234375],
  [60_000, '0.016667 Hrs', 0.01666666753590107],
  [1_234_567, '0.342935 Hrs', 0.3429352641105652],
  [1_800_000, '0.5 Hrs', 0.5],
  [3_599_001, '0.999722 Hrs', 0.9997224807739258],
  [3_600_000, '1 Hrs', 1],
  [3_600_001, '1 Hrs', 1.000000238418579],
  [5_025_000, '1.395833 Hrs', 1.3958333730697632],
  [86_363_000, '23.989721 Hrs', 23.989721298217773],
  [86_399_001, '23.999722 Hrs', 23.99972152709961],
  [86_400_000, '24 Hrs', 24],
  [86_400_001, '24 Hrs', 24],
  [90_000_000, '25 Hrs', 25],
  [36_000_000, '10 Hrs', 10],
])('%d ms are published as %s', (ms, text, raw) => {
  expect(rawHours(ms)).toBe(raw);
  expect(hoursText(rawHours(ms))).toBe(text);
});

test('a hundred thousand durations agree with exact fractions, to the bit and to the letter', () => {
  const random = seededRandom(20_260_610);
  const wrong: unknown[] = [];
  for (let i = 0; i < 100_000; i += 1) {
    // Every magnitude from one millisecond to some three thousand years, ties (28 125 ms) included.
    const ms =
      i % 4 === 0 ? 28_125 * random.whole(1, 9_999) : Math.floor(2 ** (random.next() * 46));
    const expected = exactHours(BigInt(ms));
    const text = exactText(expected);
    const raw = rawHours(ms);
    if (raw !== Number(expected.num) / Number(expected.den) || hoursText(raw) !== text)
      wrong.push({ ms, raw, shown: hoursText(raw), text });
  }
  expect(wrong).toEqual([]);
});

test.each([-1, Number.NaN, Number.POSITIVE_INFINITY, 0.1, 1e10])('%d is refused', (raw) => {
  expect(() => hoursText(raw)).toThrow(RangeError);
});

function exactHours(ms: bigint): Fraction {
  const divisors = [1n, 1000n, 60n, 60n];
  return divisors.reduce((value, by) => nearestFloat32(over(value, by)), { num: ms, den: 1n });
}

function exactText({ num, den }: Fraction): string {
  const digits = String(halfEven(num * 1_000_000n, den)).padStart(7, '0');
  const [whole, fraction] = [digits.slice(0, -6), digits.slice(-6).replace(/0+$/, '')];
  return `${whole}${fraction === '' ? '' : '.'}${fraction} Hrs`;
}
