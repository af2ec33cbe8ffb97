import { pino } from 'pino';
import { expect, test } from 'vitest';
import { patiently } from '../../../src/cli/patiently.ts';
import { AppError } from '../../../src/platform/errors.ts';
import { createMetrics } from '../../../src/platform/metrics.ts';

const io = () => ({ logger: pino({ level: 'silent' }), metrics: createMetrics() });
const never = new AbortController().signal;

test('a start waits for servers that cannot be reached, and counts its tries', async () => {
  const { logger, metrics } = io();
  let tries = 0;
  const work = async () => {
    await Promise.resolve();
    tries += 1;
    if (tries < 3) throw new AppError('LOG_UNREACHABLE');
    return 'open';
  };
  expect(await patiently('sink', { logger, metrics }, never, work)).toBe('open');
  expect((await metrics.retries.get()).values).toMatchObject([
    { labels: { room: 'sink', code: 'LOG_UNREACHABLE' }, value: 2 },
  ]);
});

test.each([
  { why: 'what an operator must mend', fault: new AppError('STORE_ACCESS_DENIED') },
  { why: 'a bug', fault: new TypeError('x is not a function') },
])('$why ends the start at once', async ({ fault }) => {
  await expect(patiently('sink', io(), never, () => Promise.reject(fault))).rejects.toBe(fault);
});

test('a start that is told to stop while it waits gives up without a fault', async () => {
  const stop = new AbortController();
  const work = () => {
    stop.abort();
    return Promise.reject(new AppError('LOG_UNREACHABLE'));
  };
  expect(await patiently('tail', io(), stop.signal, work)).toBeNull();
});
