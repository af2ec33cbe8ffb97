import { afterEach, expect, test, vi } from 'vitest';
import { isAppError } from '../../../src/platform/errors.ts';
import { armCrashPoint, crashPoint, crashPoints } from '../../../src/platform/crash-points.ts';
import { sources, withoutComments } from '../../support/sources.ts';

const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
afterEach(() => {
  armCrashPoint(undefined);
  kill.mockClear();
});

test('every named point is passed at one place of the sources, and no other is', () => {
  const calls = sources('src/**/*.ts').flatMap(({ text }) =>
    [...withoutComments(text).matchAll(/\bcrashPoint\('([^']+)'\)/g)].map(([, name]) => name),
  );
  expect(new Set(calls)).toEqual(new Set(crashPoints));
  expect(calls).toHaveLength(crashPoints.length);
});

test('a process that is not told to die passes every point', () => {
  armCrashPoint('');
  for (const name of crashPoints) crashPoint(name);
  expect(kill).not.toHaveBeenCalled();
});

test.each([
  { spec: 'tail.after-commit', passes: 1, signal: 'SIGKILL' },
  { spec: 'tail.after-commit:3', passes: 3, signal: 'SIGKILL' },
  { spec: 'tail.after-commit:2:stop', passes: 2, signal: 'SIGSTOP' },
])('$spec: $signal at passage $passes of that point, once', ({ spec, passes, signal }) => {
  armCrashPoint(spec);
  for (let n = 1; n < passes; n++) crashPoint('tail.after-commit');
  crashPoint('tail.before-position');
  expect(kill).not.toHaveBeenCalled();
  crashPoint('tail.after-commit');
  crashPoint('tail.after-commit');
  expect(kill.mock.calls).toEqual([[process.pid, signal]]);
});

test.each(['tail.after-comit', 'tail.after-commit:0', 'tail.after-commit:x', ':1', '.*'])(
  'a point that does not exist is refused: %s',
  (spec) => {
    expect(() => armCrashPoint(spec)).toThrow(
      expect.toSatisfy((error: unknown) => isAppError(error, 'CONFIG_INVALID')),
    );
  },
);
