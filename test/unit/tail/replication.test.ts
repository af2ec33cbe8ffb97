import { expect, test } from 'vitest';
import { lagOf, mariaDbChannel, mysqlChannel } from '../../../src/tail/replication.ts';

const mariaDb = {
  Master_Log_File: 'bin.000004',
  Read_Master_Log_Pos: '900',
  Relay_Master_Log_File: 'bin.000004',
  Exec_Master_Log_Pos: '900',
  Slave_IO_Running: 'No',
  Slave_SQL_Running: 'No',
  Seconds_Behind_Master: null,
  Gtid_IO_Pos: '0-1-20',
};
const ended = { isRunning: false, hasUnapplied: false, behindS: null };

test.each([
  { why: 'a replica that was stopped for good has nothing to come', row: {}, is: {} },
  {
    why: 'one that cannot reach its primary applies what it has',
    row: { Slave_IO_Running: 'Connecting', Slave_SQL_Running: 'Yes' },
    is: { isRunning: true },
  },
  {
    why: 'one whose applier was stopped still fetches',
    row: { Slave_IO_Running: 'Yes' },
    is: { isRunning: true },
  },
  {
    why: 'one that was stopped before it had applied all has relay log left',
    row: { Exec_Master_Log_Pos: '700', Gtid_IO_Pos: '0-1-21' },
    is: { hasUnapplied: true },
  },
  {
    why: 'so has one without GTIDs that was stopped in the file before',
    row: { Relay_Master_Log_File: 'bin.000003', Gtid_IO_Pos: '' },
    is: { hasUnapplied: true },
  },
  {
    why: 'a transaction whose end never came will not be applied',
    row: { Exec_Master_Log_Pos: '700' },
    is: {},
  },
  {
    why: 'one that was told of a primary and never reached it has nothing',
    row: { Master_Log_File: '', Relay_Master_Log_File: '', Read_Master_Log_Pos: '4' },
    is: {},
  },
  {
    why: 'how far it is behind is its own word',
    row: { Slave_IO_Running: 'Yes', Slave_SQL_Running: 'Yes', Seconds_Behind_Master: '7' },
    is: { isRunning: true, behindS: 7 },
  },
])('MariaDB: $why', ({ row, is }) => {
  expect(mariaDbChannel({ ...mariaDb, ...row }, '0-1-20,0-2-3')).toEqual({ ...ended, ...is });
});

const a = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const mysql = {
  Source_Log_File: 'bin.000004',
  Read_Source_Log_Pos: '900',
  Relay_Source_Log_File: 'bin.000004',
  Exec_Source_Log_Pos: '900',
  Replica_IO_Running: 'No',
  Replica_SQL_Running: 'No',
  Seconds_Behind_Source: null,
  Retrieved_Gtid_Set: `${a}:5-20`,
  Executed_Gtid_Set: `${a}:1-20`,
  Channel_Name: '',
};
const group = { Channel_Name: 'group_replication_applier', Replica_SQL_Running: 'Yes' };

test.each([
  { why: 'a replica that was stopped for good has nothing to come', row: {}, is: {} },
  {
    why: 'one that gave up its primary applies what it has',
    row: { Replica_SQL_Running: 'Yes' },
    is: { isRunning: true },
  },
  {
    why: 'one that was stopped before it had applied all has relay log left',
    row: { Exec_Source_Log_Pos: '700', Retrieved_Gtid_Set: `${a}:5-21` },
    is: { hasUnapplied: true },
  },
  {
    why: 'so has one without GTIDs',
    row: { Exec_Source_Log_Pos: '700', Retrieved_Gtid_Set: '', Executed_Gtid_Set: '' },
    is: { hasUnapplied: true },
  },
  {
    why: 'a transaction whose end never came will not be applied',
    row: { Exec_Source_Log_Pos: '700' },
    is: {},
  },
  { why: 'the primary of a group gets nothing more', row: group, is: {} },
  {
    why: 'a member of a group that has not applied all does',
    row: { ...group, Exec_Source_Log_Pos: '1', Retrieved_Gtid_Set: `${a}:5-21` },
    is: { hasUnapplied: true },
  },
])('MySQL: $why', ({ row, is }) => {
  expect(mysqlChannel({ ...mysql, ...row })).toEqual({ ...ended, ...is });
});

const runs = { isRunning: true, hasUnapplied: false };
test.each([
  { why: 'who gets nothing of others has none', channels: [], ms: 0 },
  {
    why: 'whole seconds are cut down, and the slowest counts',
    channels: [
      { ...runs, behindS: 0 },
      { ...runs, behindS: 4 },
    ],
    ms: 5000,
  },
  {
    why: 'who does not reach one of them cannot tell',
    channels: [
      { ...runs, behindS: 0 },
      { ...runs, behindS: null },
    ],
    ms: null,
  },
  {
    why: 'who was stopped before the end cannot tell',
    channels: [{ ...ended, hasUnapplied: true }],
    ms: null,
  },
  {
    why: 'who was stopped and is not written to cannot tell',
    channels: [ended],
    isReadOnly: true,
    ms: null,
  },
  { why: 'who was stopped and is written to has been promoted', channels: [ended], ms: 0 },
])('lag: $why', ({ channels, isReadOnly, ms }) => {
  expect(lagOf(channels, isReadOnly ?? false)).toBe(ms);
});
