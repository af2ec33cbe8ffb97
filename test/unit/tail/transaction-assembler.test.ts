import type { AnyBinlogEvent } from '@vlasky/zongji';
import { describe, expect, test } from 'vitest';
import { isAppError } from '../../../src/platform/errors.ts';
import { capturedTable } from '../../../src/tail/captured-tables.ts';
import { TransactionAssembler } from '../../../src/tail/transaction-assembler.ts';
import type { SourceItem } from '../../../src/tail/source.ts';

/** Events in the form in which the binlog library hands them over. */
const event = (name: string, nextPosition: number, more: object = {}): AnyBinlogEvent =>
  ({ getTypeName: () => name, nextPosition, size: 50, timestamp: 7000, ...more }) as AnyBinlogEvent;

const columns = capturedTable('bucket')!.columns.map(({ name }) => name);
const types = ['bigint unsigned', 'bigint unsigned', 'datetime'];
const map = (names = columns) =>
  event('TableMap', 0, {
    tableId: 5,
    schemaName: 'cloud',
    tableName: 'bucket',
    columnNames: names,
    hasSelfDescribingMetadata: () => true,
    tableMap: {
      5: { columnSchemas: names.map((name, i) => ({ COLUMN_NAME: name, COLUMN_TYPE: types[i] })) },
    },
  });
const rows = (count: number, nextPosition: number, more: object = {}) =>
  event('WriteRows', nextPosition, {
    tableId: 5,
    numberOfColumns: columns.length,
    columns_present_bitmap: Buffer.from([0xff]),
    rows: Array.from({ length: count }, (_, id) => ({ id, account_id: 2, removed: null })),
    ...more,
  });
const gtid = (sequence: number, nextPosition: number, more: object = {}) =>
  event('MariadbGtid', nextPosition, {
    gtid: `0-1-${sequence}`,
    serverId: 1,
    standalone: false,
    ...more,
  });
const query = (text: string, nextPosition: number) =>
  event('Query', nextPosition, { query: text, schema: 'cloud' });

function assemble(
  events: readonly AnyBinlogEvent[],
  more: object = {},
  before: (n: number) => void = () => {},
): readonly SourceItem[] {
  const items: SourceItem[] = [];
  const assembler = new TransactionAssembler(
    {
      cloudSchema: 'cloud',
      start: { file: 'b.1', pos: 4 },
      gtid: '0-1-1',
      byGtid: false,
      partBytes: 5000,
      frameBytes: () => 23,
      ...more,
    },
    (item) => void items.push(item),
  );
  for (const [n, each] of events.entries()) {
    before(n);
    assembler.take(each);
  }
  return items;
}

const sketch = (item: SourceItem) =>
  item.kind === 'rolled-back'
    ? item.kind
    : item.kind === 'part'
      ? `part ${item.changes.length}`
      : `${item.kind} ${item.kind === 'commit' ? `${item.changes.length} ` : ''}to ${item.boundary.end.file}:${item.boundary.end.pos} ${item.boundary.gtid}`;

describe('what is handed over, and which places are safe', () => {
  test.each([
    {
      why: 'a transaction comes whole at its commit',
      given: [gtid(2, 100), map(), rows(2, 300), rows(1, 400), event('Xid', 431)],
      expected: ['commit 3 to b.1:431 0-1-2'],
    },
    {
      why: 'transactions without changes of ours only move the place',
      given: [
        gtid(2, 100),
        event('Xid', 200),
        gtid(3, 250, { standalone: true }),
        query('DROP x', 300),
      ],
      expected: ['passed to b.1:200 0-1-2', 'passed to b.1:300 0-1-3'],
    },
    {
      why: 'a large transaction comes in parts, the last with its commit',
      given: [gtid(2, 100), map(), rows(8, 300), rows(1, 400), event('Xid', 431)],
      expected: ['part 8', 'commit 1 to b.1:431 0-1-2'],
    },
    {
      why: 'what is rolled back is not handed over',
      given: [gtid(2, 100), map(), rows(1, 300), query('ROLLBACK', 400)],
      expected: ['passed to b.1:400 0-1-2'],
    },
    {
      why: 'what was handed over in parts and then rolled back is called back',
      given: [gtid(2, 100), map(), rows(8, 300), query('ROLLBACK', 400)],
      expected: ['part 8', 'rolled-back', 'passed to b.1:400 0-1-2'],
    },
    {
      why: 'a transaction that a crash of the server cut short is called back, too',
      given: [
        gtid(2, 100),
        map(),
        rows(8, 300),
        event('Rotate', 0, { binlogName: 'b.2', position: 4 }),
      ],
      expected: ['part 8', 'rolled-back', 'passed to b.2:4 0-1-1'],
    },
    {
      why: 'a heartbeat moves the place, but not within a transaction',
      given: [
        event('Heartbeat', 90, { binlogName: 'b.1' }),
        gtid(2, 100),
        event('Heartbeat', 150, { binlogName: 'b.1' }),
        event('Xid', 200),
      ],
      expected: ['passed to b.1:90 0-1-1', 'passed to b.1:200 0-1-2'],
    },
    {
      why: 'tables of other schemas are not ours',
      given: [
        gtid(2, 100),
        event('TableMap', 0, { schemaName: 'x', tableName: 'bucket' }),
        event('Xid', 200),
      ],
      expected: ['passed to b.1:200 0-1-2'],
    },
  ])('$why', ({ given, expected }) => expect(assemble(given).map(sketch)).toEqual(expected));
});

test('started by GTID, no place is told before one is known to belong to it', () => {
  const rotate = event('Rotate', 0, { binlogName: 'other.7', position: 4 });
  const when = [rotate, event('Format', 0), gtid(2, 900), event('Xid', 1000)];
  expect(assemble(when, { byGtid: true }).map(sketch)).toEqual(['passed to other.7:1000 0-1-2']);
});

test('a change knows the start of its event, its row, its transaction and the time of the commit', () => {
  const [item] = assemble([
    gtid(2, 100),
    map(),
    rows(2, 300),
    event('Xid', 331, { timestamp: 9000 }),
  ]);
  expect(item).toMatchObject({
    commitMs: 9000,
    changes: [
      { position: { gtid: '0-1-2', file: 'b.1', pos: 227, row: 0 }, eventMs: 7000, commitMs: 9000 },
      { position: { gtid: '0-1-2', file: 'b.1', pos: 227, row: 1 }, eventMs: 7000, commitMs: 9000 },
    ],
  });
});

test('a server that writes no positions within a transaction: the last one that is known', () => {
  const [item] = assemble([gtid(2, 100), map(), rows(1, 0), event('Xid', 331)]);
  expect(item).toMatchObject({ changes: [{ position: { pos: 100 } }] });
});

test('a place says which commit came last in its file, until the next file begins', () => {
  const commit = (end: number, xid: number) => event('Xid', end, { xid, size: 8 });
  const drop = [gtid(3, 180, { standalone: true }), query('DROP x', 240)];
  const rotate = event('Rotate', 0, { binlogName: 'b.2', position: 4 });
  const given = [gtid(2, 100), commit(131, 17), ...drop, rotate, gtid(4, 300), commit(331, 21)];
  const lastXid = { pos: 50, xid: '9' };
  const frame = { frameBytes: () => 23, lastXid };
  expect(assemble(drop, frame)).toMatchObject([{ boundary: { lastXid } }]);
  expect(assemble(given, frame).map((item) => 'boundary' in item && item.boundary)).toMatchObject([
    { end: { pos: 131 }, lastXid: { pos: 100, xid: '17' } },
    { end: { pos: 240 }, lastXid: { pos: 100, xid: '17' } },
    { end: { file: 'b.2', pos: 4 }, lastXid: null },
    { end: { file: 'b.2', pos: 331 }, lastXid: { pos: 300, xid: '21' } },
  ]);
  const facts = { serverId: 1, commitUs: null, unpacking: true };
  const [compressed] = assemble([gtid(2, 100), commit(131, 17)], { ...frame, facts });
  expect(compressed).toMatchObject({ boundary: { lastXid: null } });
});

describe('a file of more than 4 GiB, whose headers have four bytes for the position', () => {
  const size = 2 ** 32;
  const start = { file: 'b.1', pos: size - 10 };

  test('positions go on above 32 bits, of changes as of the places to go on from', () => {
    const items = assemble([gtid(2, 20), map(), rows(1, 300), event('Xid', 331)], { start });
    expect(items.map(sketch)).toEqual([`commit 1 to b.1:${size + 331} 0-1-2`]);
    expect(items[0]).toMatchObject({ changes: [{ position: { pos: size + 227 } }] });
  });

  test('they go on over more than one such length, by heartbeats too, and begin again in the next file', () => {
    const items = assemble(
      [
        ...[gtid(2, size - 5), event('Xid', size - 1), gtid(3, 40), event('Xid', 90)],
        event('Heartbeat', 90, { binlogName: 'b.1' }),
        event('Rotate', 0, { binlogName: 'b.2', position: 4 }),
        ...[gtid(4, 100), event('Xid', 200)],
      ],
      { start },
    );
    expect(items.map(sketch)).toEqual([
      `passed to b.1:${size - 1} 0-1-2`,
      `passed to b.1:${size + 90} 0-1-3`,
      `passed to b.1:${size + 90} 0-1-3`,
      'passed to b.2:4 0-1-3',
      'passed to b.2:200 0-1-4',
    ]);
    const far = { start: { file: 'b.1', pos: 2 * size - 5 } };
    expect(assemble([gtid(2, 20), event('Xid', 60)], far).map(sketch)).toEqual([
      `passed to b.1:${2 * size + 60} 0-1-2`,
    ]);
  });
});

describe('a transaction of more than 4 GiB', () => {
  const turn = 2 ** 32;
  const gib = 2 ** 30;

  test.each([
    ['around 2^32', turn - 100, [turn - 60, turn + 40]],
    ['that passes 2^32 twice', turn - 100, [turn + 3 * gib, turn + 6 * gib, 2 * turn + 4 * gib]],
    ['that begins beyond it', 2 * turn + 10, [2 * turn + 3 * gib, 3 * turn + 2 * gib]],
  ])('%s: each change has its own place, and the commit its end', (_, begin, ends) => {
    const items = assemble(
      [
        ...[gtid(2, (begin + 40) % turn), map()],
        ...ends.map((end) => rows(1, (end + 100) % turn)),
        event('Xid', (ends.at(-1)! + 131) % turn),
      ],
      { start: { file: 'b.1', pos: begin } },
    );
    expect(items.map(sketch)).toEqual([`commit ${ends.length} to b.1:${ends.at(-1)! + 131} 0-1-2`]);
    // Less the event itself: its body and its frame.
    const places = ends.map((end) => ({ position: { pos: end + 100 - 50 - 23 } }));
    expect(items[0]).toMatchObject({ changes: places });
  });

  test('with gaps of more than that between its changes it goes by how far the stream has come', () => {
    const facts = { serverId: 1, commitUs: null, reached: 0 };
    const far = { start: { file: 'b.1', pos: turn - 100 }, facts };
    const events = [gtid(2, turn - 60), map(), rows(1, 300), event('Xid', 331)];
    const reached = [turn - 60, turn - 40, 3 * turn + 300, 3 * turn + 331];
    const items = assemble(events, far, (n) => (facts.reached = reached[n]!));
    expect(items.map(sketch)).toEqual([`commit 1 to b.1:${3 * turn + 331} 0-1-2`]);
    expect(items[0]).toMatchObject({ changes: [{ position: { pos: 3 * turn + 227 } }] });
  });

  test('without positions inside: the last one that is known', () => {
    const far = { start: { file: 'b.1', pos: turn - 10 } };
    const [item] = assemble([gtid(2, 40), map(), rows(1, 0), event('Xid', 331)], far);
    expect(item).toMatchObject({ changes: [{ position: { pos: turn + 40 } }] });
  });
});

describe('what cannot be trusted is refused', () => {
  test.each([
    [
      'a row image is not complete',
      [map(), rows(1, 300, { columns_present_bitmap: Buffer.from([3]) })],
    ],
    [
      'rows have another number of columns than their table',
      [map(), rows(1, 300, { numberOfColumns: 4 })],
    ],
    ['rows without the description of their table', [rows(1, 300)]],
    [
      'the columns in the binlog are not those it was decoded with',
      [event('TableMap', 0, { ...map(), columnNames: ['id', 'x', 'removed'] })],
    ],
    [
      'a captured table was changed by a statement, not by rows',
      [query('UPDATE `cloud`.`bucket` SET removed = NULL', 300)],
    ],
    [
      'a transaction with captured changes was rolled back in part',
      [map(), rows(1, 300), query('ROLLBACK TO `s`', 400)],
    ],
  ])('%s', (reason, events) => {
    expect(() => assemble([gtid(2, 100), ...events])).toThrowError(
      expect.toSatisfy(
        (error) =>
          isAppError(error, 'TAIL_UNDECODABLE') &&
          error.facts['reason'] === reason &&
          error.facts['pos'] === 4,
      ),
    );
  });

  test('a table without a column that is needed', () => {
    expect(() => assemble([gtid(2, 100), map(['id', 'account_id'])])).toThrowError(
      expect.toSatisfy((error) => isAppError(error, 'SOURCE_SCHEMA_MISMATCH')),
    );
  });
});
