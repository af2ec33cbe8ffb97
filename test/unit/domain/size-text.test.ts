import { expect, test } from 'vitest';
import { sizeText } from '../../../src/domain/size-text.ts';
import { seededRandom } from '../../../src/simulate/random.ts';
import { nearestFloat32, over } from '../../support/exact-float.ts';

test.each([
  [0n, '(0 bytes) 0'],
  [1023n, '(1023 bytes) 1023'],
  [1024n, '(1.00 KB) 1024'],
  [1_048_575n, '(1024.00 KB) 1048575'],
  [1_048_576n, '(1.00 MB) 1048576'],
  [123_456_789n, '(117.74 MB) 123456789'],
  [1_073_741_823n, '(1024.00 MB) 1073741823'],
  [8_589_934_592n, '(8.00 GB) 8589934592'],
  [107_374_182_400n, '(100.00 GB) 107374182400'],
  [1_099_511_627_775n, '(1024.00 GB) 1099511627775'],
  [1_649_267_441_664n, '(1.5000 TB) 1649267441664'],
  [18_446_744_073_709_551_615n, '(16777216.0000 TB) 18446744073709551615'],
  // 2^62 + 2^38 lies between two floats; one byte more rounds up, though a double cannot hold it.
  [(1n << 62n) + (1n << 38n) + 1n, '(4194304.5000 TB) 4611686293305294849'],
  [(1n << 62n) + (1n << 38n), '(4194304.0000 TB) 4611686293305294848'],
])('%d bytes are shown as %s', (bytes, text) => {
  expect(sizeText(bytes)).toBe(text);
});

test('a hundred thousand sizes agree with exact arithmetic', () => {
  const random = seededRandom(42);
  const wrong: unknown[] = [];
  for (let i = 0; i < 100_000; i += 1) {
    const bits = BigInt(random.whole(1, 64));
    const high = BigInt(random.whole(0, 2 ** 32 - 1));
    const bytes = ((high << 32n) | BigInt(random.whole(0, 2 ** 32 - 1))) & ((1n << bits) - 1n);
    if (sizeText(bytes) !== exactText(bytes)) wrong.push({ bytes, shown: sizeText(bytes) });
  }
  expect(wrong).toEqual([]);
});

const units = [
  { name: 'KB', bits: 10n, digits: 2 },
  { name: 'MB', bits: 20n, digits: 2 },
  { name: 'GB', bits: 30n, digits: 2 },
  { name: 'TB', bits: 40n, digits: 4 },
] as const;

/** Decimal scan: the shortest text of a double is what `toString` gives; its digits are rounded one by one. */
function exactText(bytes: bigint): string {
  if (bytes < 1024n) return `(${bytes} bytes) ${bytes}`;
  const unit = units.find(({ bits }) => bytes < 1n << (bits + 10n)) ?? units[3];
  const value = nearestFloat32(over(nearestFloat32({ num: bytes, den: 1n }), 1n << unit.bits));
  const shortest = (Number(value.num) / Number(value.den)).toString();
  const [whole = '', fraction = ''] = shortest.split('.');
  const digits = Array.from(`${whole}${fraction}`.padEnd(whole.length + unit.digits, '0'), Number);
  const kept = digits.slice(0, whole.length + unit.digits);
  let carry = (digits[kept.length] ?? 0) >= 5 ? 1 : 0;
  for (let i = kept.length - 1; carry > 0 && i >= 0; i -= 1) {
    const sum = (kept[i] ?? 0) + carry;
    kept[i] = sum % 10;
    carry = sum > 9 ? 1 : 0;
  }
  const text = `${carry > 0 ? '1' : ''}${kept.join('')}`;
  return `(${text.slice(0, -unit.digits)}.${text.slice(-unit.digits)} ${unit.name}) ${bytes}`;
}
