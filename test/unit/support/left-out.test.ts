import { afterEach, expect, test, vi } from 'vitest';
import { leftOut } from '../../support/left-out.ts';

const warn = vi.spyOn(console, 'warn').mockReturnValue();
afterEach(() => warn.mockClear());

test.each([{}, { USAGESTREAM_TEST_REQUIRE: '' }, { USAGESTREAM_TEST_REQUIRE: '0' }])(
  'what a machine lacks leaves tests out, by name: %j',
  (env) => {
    expect(leftOut('tests on MySQL', 'no program', env)).toBe(false);
    expect(warn).toHaveBeenCalledExactlyOnceWith('skipped: tests on MySQL (no program)');
  },
);

test('where every test is to run, what is missing is a failure that names it', () => {
  const env = { USAGESTREAM_TEST_REQUIRE: '1' };
  expect(() => leftOut('tests on MySQL', 'no program', env)).toThrow(
    /tests on MySQL \(no program\)/,
  );
  expect(warn).not.toHaveBeenCalled();
});
