import { describe, expect, test } from 'vitest';
import { compareBinlogPoints } from '../../../src/tail/binlog-point.ts';
import { gtidCommitUs } from '../../../src/tail/gtid-commit-time.ts';
import { MysqlGtidSet } from '../../../src/tail/mysql-gtid-set.ts';
import { parseStatement } from '../../../src/tail/statement.ts';

const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562';

describe('a GTID set', () => {
  test.each([
    { of: `${uuid}:1-5`, add: `${uuid}:6`, is: `${uuid}:1-6` },
    { of: `${uuid}:1-5`, add: `${uuid}:7`, is: `${uuid}:1-5:7` },
    { of: `${uuid}:1-5:7`, add: `${uuid}:6`, is: `${uuid}:1-7` },
    { of: `${uuid}:1-5`, add: `${uuid}:nightly:1`, is: `${uuid}:1-5:nightly:1` },
    { of: `${uuid}:nightly:1`, add: `${uuid}:1`, is: `${uuid}:1:nightly:1` },
    { of: '', add: `${uuid}:9223372036854775806`, is: `${uuid}:9223372036854775806` },
  ])('$of and $add are $is', ({ of, add, is }) => {
    const set = new MysqlGtidSet(of);
    set.add(add);
    expect(set.toString()).toBe(is);
    expect(new MysqlGtidSet(is).contains(new MysqlGtidSet(add))).toBe(true);
    expect(new MysqlGtidSet(of).contains(set)).toBe(false);
  });
});

test('of two binlog files the one with the higher number is later, however it is written', () => {
  const point = (file: string) => ({ file, pos: 4 });
  const order = ['binlog.999999', 'binlog.1000000', 'binlog.1000001'].map(point);
  expect(order.toReversed().toSorted(compareBinlogPoints)).toEqual(order);
});

test.each([
  ['BEGIN', { kind: 'begin' }],
  ['START TRANSACTION', { kind: 'begin' }],
  ['/* app */ -- x\n COMMIT', { kind: 'commit' }],
  ['ROLLBACK', { kind: 'rollback' }],
  ['ROLLBACK TO `A b`', { kind: 'rollback-to', name: 'a b' }],
  ['rollback to savepoint s', { kind: 'rollback-to', name: 's' }],
  ['SAVEPOINT `s`', { kind: 'savepoint', name: 's' }],
  ["XA START X'67',X'',1", { kind: 'xa-start' }],
  ["XA END X'67',X'',1", { kind: 'xa-end' }],
  ["XA COMMIT X'6A',X'62',7", { kind: 'xa-commit', xid: '7:6a:62' }],
  ["XA ROLLBACK X'6a',X'',1", { kind: 'xa-rollback', xid: '1:6a:' }],
  ['/* x */ insert into t values (1)', { kind: 'write' }],
  ['SET STATEMENT max_statement_time=1 FOR DELETE FROM t', { kind: 'write' }],
  ['LOAD DATA INFILE "x" INTO TABLE t', { kind: 'write' }],
  ['CREATE PROCEDURE p() BEGIN INSERT INTO t VALUES (1); END', { kind: 'other' }],
  ['TRUNCATE t', { kind: 'other' }],
])('%s is read as it is meant', (text, expected) => {
  expect(parseStatement(text)).toEqual(expected);
});

test('of both times of a GTID event the one of the first commit is taken', () => {
  const body = Buffer.alloc(56);
  body[25] = 2;
  body.writeUIntLE(1_700_000_000_000_000 % 2 ** 48, 42, 6);
  body[48] = Math.floor(1_700_000_000_000_000 / 2 ** 48);
  expect(gtidCommitUs(body.subarray(0, 49), false)).toBe(1_700_000_000_000_000);
  body[48]! |= 0x80;
  body.writeUIntLE(1_600_000_000_000_000 % 2 ** 48, 49, 6);
  body[55] = Math.floor(1_600_000_000_000_000 / 2 ** 48);
  expect(gtidCommitUs(body, false)).toBe(1_600_000_000_000_000);
  expect(gtidCommitUs(body.subarray(0, 30), false)).toBeNull();
});
