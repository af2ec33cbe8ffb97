import { expect, test } from 'vitest';
import { deadLetterReasons, errorCodes } from '../../../src/contracts/error-codes.ts';
import { anomalyCodes } from '../../../src/contracts/fold.ts';
import { AppError } from '../../../src/platform/errors.ts';
import { sources, withoutComments } from '../../support/sources.ts';

const all = sources('src/**/*.ts')
  .filter(({ path }) => !/^src\/contracts\/(error-codes|fold)\.ts$/.test(path))
  .map(({ path, text }) => ({ path, text: withoutComments(text) }));
const raising = all.filter(({ text }) => text.includes('new AppError('));
const quotes = (text: string, name: string) => text.includes(`'${name}'`);
/** `${role}_ACCESS_DENIED` stands for the code of each role. */
const asTemplate = (code: string) => code.replace(/^(SOURCE|STORE)_/, '$${role}_');

test.each(Object.keys(errorCodes))('%s is raised somewhere', (code) => {
  const isRaised = raising.some(
    // A question whether an error has this code raises nothing.
    ({ text }) =>
      quotes(text.replaceAll(/isAppError\([^()]*\)/g, ''), code) ||
      text.includes(`\`${asTemplate(code)}\``),
  );
  expect(isRaised).toBe(true);
});

test.each(Object.keys(deadLetterReasons))(
  '%s is the reason of a dead letter somewhere',
  (reason) => {
    expect(all.some(({ text }) => quotes(text, reason))).toBe(true);
  },
);

test.each(Object.keys(anomalyCodes))('%s is noted somewhere', (code) => {
  expect(all.some(({ text }) => quotes(text, code))).toBe(true);
});

test('an error says its code, its facts, its cause and what to do', () => {
  const cause = new Error('no route to host');
  const error = new AppError('STORE_UNREACHABLE', { host: 'db', port: 3306 }, cause);
  expect(error.retry).toBe('backoff');
  expect(error.explain()).toBe(
    'STORE_UNREACHABLE (host=db port=3306)\n  cause: no route to host\n' +
      `  what to do: ${errorCodes.STORE_UNREACHABLE.fix}`,
  );
});
