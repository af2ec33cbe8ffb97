import { fc } from '../../support/fast-check.ts';
import { expect, test } from 'vitest';
import { parseRecord } from '../../../src/aggregate/parse-record.ts';
import { FeedRecord } from '../../../src/contracts/feed-record.ts';
import { event, start } from '../../support/aggregate-feed.ts';

const good = event(1, 'VM.START', '3', start, null).json;
const values = fc.oneof(
  fc.constantFrom(
    null,
    undefined,
    true,
    '',
    '0',
    '01',
    '-1',
    '1.5',
    'x',
    0,
    -1,
    1.5,
    2 ** 53,
    {},
    [],
  ),
  fc.constantFrom('18446744073709551615', '18446744073709551616', 'usage-event', 'watermark', 1, 2),
  fc.string(),
);
const paths = [
  ...['v', 'kind', 'watermarkMs', 'origin', 'event', 'extra'].map((key) => [key]),
  ...Object.keys(good['origin'] as object).map((key) => ['origin', key]),
  ...Object.keys(good['event'] as object).map((key) => ['event', key]),
];

/** A good event in which some values were replaced; undefined leaves a key out. */
const nearlyGood = fc
  .array(fc.tuple(fc.constantFrom(...paths), values), { maxLength: 3 })
  .map((changes) => {
    const record = structuredClone(good);
    for (const [[outer = '', inner], value] of changes) {
      const target = inner === undefined ? record : record[outer];
      if (typeof target === 'object' && target !== null)
        (target as Record<string, unknown>)[inner ?? outer] = value;
    }
    return record;
  });

test('the guard for events takes exactly what the schema takes', () => {
  fc.assert(
    fc.property(nearlyGood, (record) => {
      const json: unknown = JSON.parse(JSON.stringify(record));
      const parsed = parseRecord(Buffer.from(JSON.stringify(json)));
      const bySchema = FeedRecord.safeParse(json);
      if (parsed.ok) {
        expect(bySchema.success).toBe(true);
        expect(parsed.record).toMatchObject(bySchema.data ?? {});
      } else if (bySchema.success) expect(parsed.refusal.reason).toBe('INVALID_VALUE');
    }),
    { numRuns: 2000 },
  );
});

test('a record of another version is told from a malformed one', () => {
  const parsed = parseRecord(Buffer.from(JSON.stringify({ ...good, v: 2 })));
  expect(parsed).toEqual({
    ok: false,
    refusal: { reason: 'WRONG_VERSION', facts: { version: 2 } },
  });
});

test('what is wrong is named', () => {
  const columns = { ...(good['event'] as object), size: -1 };
  const parsed = parseRecord(Buffer.from(JSON.stringify({ ...good, event: columns })));
  expect(parsed).toMatchObject({ ok: false, refusal: { facts: { path: 'event.size' } } });
});
