import { expect, test } from 'vitest';
import { backoffMs } from '../../../src/sink/backoff.ts';
import { jsonOrText } from '../../../src/sink/json-or-text.ts';
import { quantityUnit } from '../../../src/sink/quantity-unit.ts';

test.each([
  { type: 1, unit: 'ms' },
  { type: 4, unit: 'bytes' },
  { type: 13, unit: 'ms' },
  { type: 21, unit: 'requests' },
  { type: 24, unit: 'bytes' },
  { type: 28, unit: 'ms' },
  { type: 29, unit: 'bytes' },
])('usage type $type is counted in $unit', ({ type, unit }) => {
  expect(quantityUnit(type)).toBe(unit);
});

test('stored text that is no JSON is passed on as text', () => {
  expect(jsonOrText('{"a":[1]}')).toEqual({ a: [1] });
  expect(jsonOrText('{"a":')).toBe('{"a":');
});

test('waits double up to five seconds', () => {
  expect([0, 1, 4, 5, 1000].map(backoffMs)).toEqual([200, 400, 3200, 5000, 5000]);
});
