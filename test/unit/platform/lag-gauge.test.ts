import { expect, test } from 'vitest';
import { manualClock } from '../../../src/platform/clock.ts';
import { createMetrics } from '../../../src/platform/metrics.ts';

test('the lag rises while its mark stands still, and is 0 where there is none', async () => {
  const { tailLag, registry } = createMetrics();
  const shown = async () => /^tail_behind_source_ms (.*)$/m.exec(await registry.metrics())?.[1];
  const clock = manualClock(10_000);
  tailLag.follow(clock, null);
  expect(await shown()).toBe('0');
  tailLag.follow(clock, 9000);
  expect(await shown()).toBe('1000');
  clock.set(70_000);
  tailLag.follow(clock, null);
  expect(await shown()).toBe('61000');
  tailLag.follow(clock, 71_000);
  expect(await shown()).toBe('0');
  clock.set(72_000);
  expect(await shown()).toBe('1000');
  tailLag.forget();
  expect(await shown()).toBe('0');
});
