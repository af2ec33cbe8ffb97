import { gunzipSync } from 'node:zlib';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { ColumnValue, RowImage, SnapshotMarker } from '../../../src/contracts/change-event.ts';
import type { OutRecord } from '../../../src/platform/log/log.ts';
import { capturedTable } from '../../../src/tail/captured-tables.ts';
import { envelopeEncoder } from '../../../src/tail/envelope.ts';
import type { TransactionOrder } from '../../../src/tail/envelope.ts';
import type { SourceChange } from '../../../src/tail/source.ts';
import type { LayoutColumn, TableLayout } from '../../../src/tail/table-layout.ts';

/** Records that a Debezium 3.5 MariaDB connector wrote: {key, value, headers} as text. */
interface Sample {
  readonly key: string;
  readonly value: string | null;
  readonly headers: Readonly<Record<string, { readonly data: number[] }>>;
}

const samples: readonly Sample[] = gunzipSync(
  readFileSync(new URL('../../data/debezium/maria.cloud.usage_event.jsonl.gz', import.meta.url)),
)
  .toString()
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Sample);

const headersOf = (sample: Sample) =>
  Object.fromEntries(
    Object.entries(sample.headers).map(([name, { data }]) => [name, Buffer.from(data).toString()]),
  );
const runId = headersOf(samples[0]!)['__debezium.context.runId']!;

test('every record of a Debezium topic is written again with the same bytes', () => {
  const written: OutRecord[] = [];
  for (let i = 0; i < samples.length;) {
    const first = parse(samples[i]!.value!);
    const moved = '__debezium.newkey' in samples[i]!.headers;
    const change = changeOf(first, moved ? parse(samples[i + 2]!.value!) : null);
    encoderOf(change.layout)(change, first.ts_ms, written, orderOf(first));
    // Deletes have a tombstone; updates of the key are delete, tombstone, create.
    i += moved ? 3 : first.op === 'd' ? 2 : 1;
  }
  expect(written.map((record) => record.topic)).toEqual(
    samples.map(() => 'maria.cloud.usage_event'),
  );
  expect(written.map((record) => record.key)).toEqual(samples.map((sample) => sample.key));
  expect(written.map((record) => masked(record.value?.toString() ?? null))).toEqual(
    samples.map((sample) => masked(sample.value)),
  );
  expect(written.map((record) => Object.entries(record.headers ?? {}))).toEqual(
    samples.map((sample) => Object.entries(headersOf(sample))),
  );
  expect(samples.filter((sample) => sample.value === null).length).toBeGreaterThan(10);
});

// When the connector came to it is another time; the version is our own.
const masked = (value: string | null) =>
  value
    ?.replace(/"version":"[^"]*"/, '"version":"*"')
    .replace(/"ts_ms":\d+,"ts_us":\d+,"ts_ns":\d+\}$/, '"now":0}') ?? null;

type Parsed = {
  readonly before: RowImage | null;
  readonly after: RowImage | null;
  readonly op: 'c' | 'u' | 'd' | 'r';
  readonly ts_ms: string;
  readonly source: Readonly<Record<string, string | null>>;
  readonly transaction: Readonly<Record<string, string>> | null;
};

// Every number as text: JSON.parse would round those above 2^53.
const parse = (value: string): Parsed =>
  JSON.parse(value, (_key, parsed: unknown, context?: { source?: string }) =>
    typeof parsed === 'number' ? context?.source : parsed,
  ) as Parsed;

const orderOf = ({ transaction }: Parsed): TransactionOrder | null =>
  transaction && {
    id: transaction['id']!,
    total: Number(transaction['total_order']),
    ofTable: Number(transaction['data_collection_order']),
  };

function changeOf(value: Parsed, created: Parsed | null): SourceChange {
  const { source } = value;
  const layout = layoutOf((value.before ?? value.after)!);
  return {
    db: 'cloud',
    table: 'usage_event',
    layout,
    op: created ? 'u' : value.op,
    before: asRead(value.before, layout),
    after: asRead(created ? created.after : value.after, layout),
    position: {
      gtid: source['gtid'] ?? null,
      file: source['file']!,
      pos: Number(source['pos']),
      row: Number(source['row']),
    },
    serverId: Number(source['server_id']),
    commitMs: Number(source['ts_ms']),
    eventMs: Number(source['ts_ms']),
    snapshot: source['snapshot'] as SnapshotMarker,
  };
}

function layoutOf(row: RowImage): TableLayout {
  const table = capturedTable('usage_event')!;
  const columns = Object.keys(row).map((name): LayoutColumn => {
    const text = ['type', 'resource_name', 'resource_type', 'extra'].includes(name);
    const kind =
      name === 'created' ? 'datetime-ms' : name === 'processed' ? 'number' : 'unsigned-bigint';
    return { name, kind: text ? 'text' : kind, nullable: true };
  });
  return { db: 'cloud', table, columns, key: columns[0]! };
}

// The row as a server gives it: unsigned numbers, dates as text.
const asRead = (row: RowImage | null, { columns }: TableLayout): RowImage | null =>
  row &&
  Object.fromEntries(
    columns.map(({ name, kind }): [string, ColumnValue] => {
      const value = row[name] ?? null;
      if (value === null || kind === 'text') return [name, value];
      if (kind === 'datetime-ms')
        return [name, new Date(Number(value)).toISOString().slice(0, 19).replace('T', ' ')];
      return [name, BigInt.asUintN(64, BigInt(String(value))).toString()];
    }),
  );

const encoderOf = (layout: TableLayout) =>
  envelopeEncoder({ prefix: 'maria', version: 'x', connector: 'mariadb', runId }, layout);
