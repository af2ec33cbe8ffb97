import { afterEach, expect, test, vi } from 'vitest';
import { createProgressBar } from '../../../src/cli/progress-bar.ts';

afterEach(() => vi.restoreAllMocks());

function said() {
  const out: string[] = [];
  vi.spyOn(console, 'log').mockImplementation((line) => void out.push(String(line)));
  vi.spyOn(process.stderr, 'write').mockImplementation((line) => out.push(String(line)) > 0);
  return out;
}

test('with json lines the first progress is told at once, with what the command knows, rate and time left', () => {
  const out = said();
  const bar = createProgressBar({ title: 'rebuild x', what: 'records', json: 'lines' });
  bar.update({ done: 5, total: 5, worked: 12, facts: { rows: 7 } });
  bar.stop();
  expect(out).toHaveLength(1);
  expect(JSON.parse(out[0] ?? '')).toEqual({
    ...{ rows: 7, leftSeconds: 0 },
    perSecond: expect.any(Number) as number,
  });
});

test('with --json a command without lines says nothing; elsewhere short work is done before the first line', () => {
  const out = said();
  for (const json of [true, false])
    createProgressBar({ what: 'accounts', json }).update({ done: 1, total: 2 });
  expect(out).toEqual([]);
});
