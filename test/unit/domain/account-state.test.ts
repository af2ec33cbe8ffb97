import { expect, test } from 'vitest';
import { decodeState, emptyState, encodeState } from '../../../src/domain/account-state.ts';
import { quirkSet } from '../../../src/domain/quirks.ts';
import { account } from '../../support/fold-story.ts';
import { foldGolden, readGolden } from '../../support/golden.ts';

test.each(['basic', 'week', 'zones'])(
  'every state of %s is read as it was written',
  async (name) => {
    const { folds } = foldGolden(await readGolden(name), quirkSet('java-4.23'));
    const kinds = new Set<string>();
    for (const { state } of folds) {
      expect(decodeState(encodeState(state))).toEqual(state);
      for (const [kind, rows] of Object.entries(state.intervals))
        if (rows.length > 0) kinds.add(kind);
    }
    expect(kinds.size).toBeGreaterThan(8);
  },
);

test('a state of a newer build is not read', () => {
  const newer = encodeState(emptyState(account)).replace('"version":1', '"version":2');
  expect(() => decodeState(newer)).toThrow('account state of version 2; this build reads 1');
});

test('a state whose rows have other columns is not read', () => {
  const other = encodeState(emptyState(account)).replace(
    '"intervals":{}',
    '"intervals":{"vm":[[1]]}',
  );
  expect(() => decodeState(other)).toThrow(RangeError);
});
