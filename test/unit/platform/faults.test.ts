import { expect, test } from 'vitest';
import { AppError } from '../../../src/platform/errors.ts';
import { createMetrics } from '../../../src/platform/metrics.ts';

const denied = new AppError('STORE_ACCESS_DENIED');

test('a fault is shown while it lasts, by part, the newest of each', async () => {
  const { faults, registry } = createMetrics();
  faults.note('sink', 'STORE_UNREACHABLE');
  faults.note('sink', 'STORE_ACCESS_DENIED');
  faults.note('topics', 'LOG_UNREACHABLE');
  expect(faults.list()).toMatchObject([
    { part: 'sink', code: 'STORE_ACCESS_DENIED' },
    { part: 'topics', code: 'LOG_UNREACHABLE' },
  ]);
  faults.clear('sink');
  expect(faults.list()).toMatchObject([{ part: 'topics' }]);
  const shown = await registry.metrics();
  expect(shown).toContain('platform_fault{part="topics",code="LOG_UNREACHABLE"} 1');
  expect(shown).not.toContain('part="sink"');
});

test('a right that is missing at a start ends the process, one that was there before is waited for', () => {
  const { faults } = createMetrics();
  expect(faults.mayHeal('sink', denied)).toBe(false);
  faults.clear('tail');
  expect(faults.mayHeal('sink', denied)).toBe(false);
  faults.clear('sink');
  expect(faults.mayHeal('sink', denied)).toBe(true);
});

test('what an operator must mend is never waited for, what passes always', () => {
  const { faults } = createMetrics();
  faults.clear('aggregate');
  expect(faults.mayHeal('aggregate', new AppError('LOG_TOPIC_MISSING'))).toBe(false);
  expect(faults.mayHeal('aggregate', new AppError('STORE_SCHEMA_NEWER'))).toBe(false);
  expect(faults.mayHeal('tail', new AppError('LOG_UNREACHABLE'))).toBe(true);
});
