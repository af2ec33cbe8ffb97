import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { adoptedChange, adoptedLayout } from '../../../src/tail/adopted-change.ts';
import { capturedTable } from '../../../src/tail/captured-tables.ts';

const layout = adoptedLayout('cloud', capturedTable('usage_event')!);

/** Values of the records that real Debeziums wrote for `cloud.usage_event`. */
const valuesOf = (name: string): string[] =>
  gunzipSync(
    readFileSync(
      new URL(`../../data/debezium/${name}.cloud.usage_event.jsonl.gz`, import.meta.url),
    ),
  )
    .toString()
    .trim()
    .split('\n')
    .flatMap((line) => (JSON.parse(line) as { value: string | null }).value ?? []);

const change = (row: object, more: object = {}) =>
  adoptedChange(JSON.stringify({ ...envelope, after: { ...event, ...row }, ...more }), layout);

const event = {
  ...{ id: 7, type: 'VM.START', account_id: 2, created: 1771690112000, zone_id: 1, processed: 0 },
  ...{ resource_id: null, resource_name: null, offering_id: null, template_id: null, size: null },
  ...{ resource_type: null, virtual_size: null },
};
const envelope = {
  before: null,
  after: event,
  source: {
    ...{ version: '3.5.0.Final', connector: 'mariadb', name: 'p', ts_ms: 1000, snapshot: 'false' },
    ...{ db: 'cloud', table: 'usage_event', server_id: 1, gtid: '0-1-2', file: 'b.000001' },
    ...{ pos: 4, row: 0 },
  },
  op: 'c',
  ts_ms: 1500,
};

describe.each([
  { schemaless: 'maria', schemas: 'mariaschema' },
  { schemaless: 'mysql9', schemas: 'mysql9schema' },
])('records of a real Debezium ($schemaless)', ({ schemaless, schemas }) => {
  test('read the same with and without schemas', () => {
    const read = (name: string) =>
      valuesOf(name).map((value) => {
        const { op, before, after } = adoptedChange(value, layout)!;
        return { op, before, after };
      });
    const plain = read(schemaless);
    expect(plain.length).toBeGreaterThan(20);
    expect(new Set(plain.map(({ op }) => op))).toEqual(new Set(['r', 'c', 'u', 'd']));
    expect(read(schemas)).toEqual(plain);
  });
});

test.each([
  {
    given: { size: -1 },
    expected: { size: '18446744073709551615' },
    why: 'what wrapped to a long is unsigned again',
  },
  {
    given: { size: 'AP//////////' },
    expected: { size: '18446744073709551615' },
    why: 'precise numbers are big-endian bytes',
  },
  {
    given: { created: 1771690112000123 },
    expected: { created: '2026-02-21 16:08:32' },
    why: 'microseconds are told by their size',
  },
  {
    given: { created: '2026-02-21T16:08:32Z' },
    expected: { created: '2026-02-21 16:08:32' },
    why: 'dates may be text',
  },
  { given: { processed: true }, expected: { processed: 1 }, why: 'a boolean is a number' },
  {
    given: { resource_name: '{"schema":,"payload":' },
    expected: { resource_name: '{"schema":,"payload":' },
    why: 'text is what it is',
  },
  {
    given: { secret: 'x' },
    expected: { secret: undefined },
    why: 'columns that are not captured are left out',
  },
])('$why', ({ given, expected }) => {
  expect(change(given)?.after).toMatchObject(
    Object.fromEntries(Object.entries(expected).filter(([, value]) => value !== undefined)),
  );
  expect(Object.keys(change(given)?.after ?? {})).not.toContain('secret');
});

test('whole numbers beyond 2^53 are exact', () => {
  const text = JSON.stringify({ ...envelope, after: event }).replace(
    '"id":7',
    '"id":9007199254740993',
  );
  expect(adoptedChange(text, layout)?.after).toMatchObject({ id: '9007199254740993' });
});

test('a truncated table is no row change', () => {
  expect(change({}, { op: 't', after: null })).toBeNull();
});

test.each([
  { text: 'text', why: 'what is not JSON is refused' },
  { text: JSON.stringify(event), why: 'a record that was unwrapped is refused' },
  {
    text: JSON.stringify({ ...envelope, source: { ...envelope.source, connector: 'postgresql' } }),
    why: 'another connector is refused',
  },
  {
    text: JSON.stringify({ ...envelope, after: null }),
    why: 'a change without its row is refused',
  },
  {
    text: JSON.stringify({ ...envelope, after: { id: 7 } }),
    why: 'a row without a needed column is refused',
  },
  {
    text: `{"schema":{"name":"p.Envelope","version":3},"payload":${JSON.stringify(envelope)}}`,
    why: 'another version of the envelope is refused',
  },
])('$why', ({ text }) => {
  expect(() => adoptedChange(text, layout)).toThrow(
    expect.objectContaining({ code: 'ADOPT_UNREADABLE' }),
  );
});
