import { expect, test } from 'vitest';
import { quirkSet, quirks } from '../../../src/domain/quirks.ts';

test('java-4.23 has every quirk, correct has none', () => {
  const count = Object.keys(quirks).length;
  expect(Object.values(quirkSet('java-4.23')).filter(Boolean).length).toBe(count);
  expect(Object.values(quirkSet('correct')).filter(Boolean).length).toBe(0);
});

test('a single switch can differ from the preset', () => {
  const set = quirkSet('java-4.23', { domainFrozen: false });
  expect(set.domainFrozen).toBe(false);
  expect(set.inclusiveMillisecond).toBe(true);
});

test.each(Object.entries(quirks))('%s says what CloudStack does and what is right', (_, quirk) => {
  expect(quirk.java).not.toBe('');
  expect(quirk.correct).not.toBe(quirk.java);
});
