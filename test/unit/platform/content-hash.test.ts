import { expect, test } from 'vitest';
import { contentHash } from '../../../src/platform/content-hash.ts';
import type { UsageEvent } from '../../../src/contracts/feed-record.ts';
import { event, start } from '../../support/aggregate-feed.ts';

const some = event(1, 'VM.START', '3', start, null).json['event'] as UsageEvent;
const changed = (columns: object) => contentHash({ ...some, ...columns });

test('every column counts, NULL is not empty text, and the order of keys does not count', () => {
  const hashes = Object.keys(some).map((key) => changed({ [key]: '77' }));
  const all = [contentHash(some), ...hashes, changed({ resourceName: '' })];
  expect(new Set(all).size).toBe(all.length);
  expect(contentHash(some)).toMatch(/^[0-9a-f]{16}$/);
  const reversed = Object.fromEntries(Object.entries(some).toReversed()) as UsageEvent;
  expect(contentHash(reversed)).toBe(contentHash(some));
});
