import { expect, test } from 'vitest';
import { naturalKey } from '../../../src/domain/natural-key.ts';
import { accountId } from '../../support/golden.ts';

const row = { accountId: accountId(3), usageType: 14, key: '5VUann' };

test('is canonical text of account, type, key, window and kind', () => {
  expect(naturalKey(row, 0)).toBe('["3",14,"5VUann",0,"usage"]');
});

test.each([
  { other: naturalKey({ ...row, accountId: accountId(4) }, 0) },
  { other: naturalKey({ ...row, usageType: 3 }, 0) },
  { other: naturalKey({ ...row, key: '5VUann",0,"usage"]' }, 0) },
  { other: naturalKey(row, 1) },
  { other: naturalKey(row, 0, 'late-7') },
])('differs when any part does: $other', ({ other }) => {
  expect(other).not.toBe(naturalKey(row, 0));
});
