import { fc } from '../support/fast-check.ts';
import { expect, test } from 'vitest';
import type { RowImage } from '../../src/contracts/change-event.ts';
import { partitionOfKey } from '../../src/platform/log/murmur2.ts';
import type { OutRecord } from '../../src/platform/log/log.ts';
import { adoptedLayout } from '../../src/tail/adopted-change.ts';
import { capturedTable } from '../../src/tail/captured-tables.ts';
import { envelopeEncoder } from '../../src/tail/envelope.ts';
import type { RawFrom } from '../../src/tail/position.ts';
import { compareRawPlaces, PartitionScan } from '../../src/tail/raw-end.ts';
import { RawRest } from '../../src/tail/raw-rest.ts';
import type { SourceChange } from '../../src/tail/source.ts';

const layout = adoptedLayout('cloud', capturedTable('vm_disk_statistics')!);
const encoderOf = (version: string) =>
  envelopeEncoder({ prefix: 'acs', version, connector: 'mariadb', runId: 'x' }, layout);
const [debezium, ours] = [encoderOf('3.5.0.Final'), encoderOf('usagestream-1')];
const bytesOf = (transaction: number) => 1000 * (transaction + 1);

const imageOf = (id: number): RowImage => ({
  ...Object.fromEntries(layout.columns.map(({ name }) => [name, '1'])),
  id: String(id),
});
/** What is done to a row of the table, by id; an update to another id moves the row. */
const anyChange = fc.record({
  op: fc.constantFrom('c' as const, 'u' as const, 'd' as const),
  id: fc.nat(6),
  newId: fc.nat(6),
});
/** Transactions of rows events of changes. */
const anyHistory = fc.array(
  fc.array(fc.array(anyChange, { minLength: 1, maxLength: 3 }), { maxLength: 3 }),
);

function changesOf(
  history: (typeof anyHistory extends fc.Arbitrary<infer T> ? T : never)[number][],
) {
  return history.flatMap((events, transaction) =>
    events.flatMap((rows, event) =>
      rows.map(({ op, id, newId }, row): SourceChange => {
        const pos = bytesOf(transaction) + 10 * (event + 1);
        return {
          ...{ db: 'cloud', table: layout.table.name, layout, op },
          before: op === 'c' ? null : imageOf(id),
          after: op === 'd' ? null : imageOf(op === 'u' ? newId : id),
          position: { gtid: null, file: 'b.000001', pos, row },
          ...{ serverId: 1, commitMs: 5000, eventMs: 5000, snapshot: 'false' },
        };
      }),
    ),
  );
}

type Encode = typeof ours;
function recordsOf(encode: Encode, change: SourceChange): OutRecord[] {
  const out: OutRecord[] = [];
  encode(change, '6000', out);
  return out;
}
const partitionOf = ({ key }: OutRecord, partitions: number) =>
  partitionOfKey(Buffer.from(key!), partitions);
const masked = ({ key, value }: OutRecord) => [
  key,
  value?.toString().replace(/"version":"[^"]*"/, '') ?? null,
];

const anyCase = fc.record({
  history: anyHistory,
  partitions: fc.integer({ min: 1, max: 4 }),
  /** Which share of the transactions the offset says; of the rest, which share is in each partition. */
  offset: fc.double({ min: 0, max: 1, noNaN: true }),
  sent: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 4, maxLength: 4 }),
  /** A share of what was sent after the offset was sent again, by a worker that had been killed before. */
  again: fc.double({ min: 0, max: 1, noNaN: true }),
  /** Where our tailer is started again on the way. */
  restart: fc.nat(5),
});

test('wherever a Debezium was cut off in each partition, we write the rest of each, once', () => {
  fc.assert(
    fc.property(anyCase, ({ history, partitions, offset, sent, again, restart }) => {
      const changes = changesOf(history);
      const after = { file: 'b.000001', pos: bytesOf(Math.floor(offset * history.length)) };
      const ends: NonNullable<RawFrom['ends']> = [];
      const before: OutRecord[][] = [];
      const missing: OutRecord[][] = [];
      for (let partition = 0; partition < partitions; partition++) {
        const of = (encode: Encode, some: readonly SourceChange[]) =>
          some
            .flatMap((change) => recordsOf(encode, change))
            .filter((record) => partitionOf(record, partitions) === partition);
        const old = of(
          debezium,
          changes.filter(({ position }) => position.pos < after.pos),
        );
        const rest = (encode: Encode) =>
          of(
            encode,
            changes.filter(({ position }) => position.pos >= after.pos),
          );
        const count = Math.floor(sent[partition]! * (rest(debezium).length + 0.999));
        const there = rest(debezium).slice(0, count);
        before.push([...old, ...there, ...there.slice(0, Math.floor(again * count))]);
        missing.push(rest(ours).slice(count));
        const scan = new PartitionScan({ layout, partition, partitions, after, sinceMs: 0 });
        for (const { key, value } of before[partition]!)
          scan.saw({ key: Buffer.from(key!), value: value === null ? null : Buffer.from(value) });
        expect(scan.isByKey).toBe(true);
        expect(scan.isWhole).toBe(old.length > 0);
        if (scan.end) ends.push({ table: layout.table.name, partition, ...scan.end });
      }
      const start = { ...after, row: -1 };
      const { file, pos, row } = [start, ...ends].toSorted(compareRawPlaces).at(-1)!;

      let from: RawFrom | null = { file, pos, row, after, ends };
      const written: OutRecord[][] = before.map(() => []);
      for (const [transaction, events] of history.entries()) {
        const rest: RawRest | null = from && new RawRest(from, partitions);
        for (const change of changesOf([...history.slice(0, transaction).map(() => []), events])) {
          const records = recordsOf(ours, change);
          for (const record of rest?.missing(change, records) ?? records)
            written[partitionOf(record, partitions)]!.push(record);
        }
        if (rest && transaction % (restart + 1) === 0)
          from = rest.afterPassing({ file: 'b.000001', pos: bytesOf(transaction + 1) });
      }
      expect(written.map((each) => each.map(masked))).toEqual(
        missing.map((each) => each.map(masked)),
      );
    }),
  );
});
