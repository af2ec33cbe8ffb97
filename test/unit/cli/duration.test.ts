import { expect, test } from 'vitest';
import { parseDuration } from '../../../src/cli/duration.ts';

test.each([
  { text: '500ms', ms: 500 },
  { text: '90s', ms: 90_000 },
  { text: '15m', ms: 900_000 },
  { text: '1h30m', ms: 5_400_000 },
  { text: ' 1 h 30 m ', ms: 5_400_000 },
  { text: '2d', ms: 172_800_000 },
  { text: '0s', ms: 0 },
])('$text is $ms ms', ({ text, ms }) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(['', '15', 'm', '-1s', '1.5h', '15 minutes', '1w', '9999999999999999d'])(
  '"%s" is no duration',
  (text) => {
    expect(parseDuration(text)).toBeNull();
  },
);
