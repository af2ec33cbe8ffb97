import { expect, test } from 'vitest';
import { LateIds } from '../../../src/tail/late-ids.ts';

test('an id that was given out less than a window ago is looked for, an older one never again', () => {
  const ids = new LateIds('10', ['9', '12']);
  expect(['9', '10', '11', '12', '13'].map((id) => ids.isNew(id))).toEqual([
    ...[false, false, true, false, true],
  ]);
  ids.add('13');
  ids.settle(1000, '13', 500);
  expect(ids.settled).toBe('10');
  ids.settle(1499, '20', 500);
  expect(ids.isNew('11')).toBe(true);
  ids.settle(1500, '21', 500);
  expect(ids.settled).toBe('13');
  expect(ids.isNew('11')).toBe(false);
  expect(ids.isNew('14')).toBe(true);
  ids.settle(9000, '21', 500);
  expect(ids.settled).toBe('21');
});

test('a source that came back with lower ids settles nothing anew', () => {
  const ids = new LateIds('100', []);
  ids.settle(1, '50', 0);
  expect(ids.settled).toBe('100');
});
