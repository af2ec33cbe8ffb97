import { expect, test } from 'vitest';
import { decideResume } from '../../../src/tail/resume-decision.ts';
import type { ServerSight, StoredPlace } from '../../../src/tail/resume-decision.ts';

const place: StoredPlace = {
  file: 'bin.000003',
  pos: 500,
  gtid: '0-1-100',
  serverId: 1,
  serverUuid: null,
};
const same: ServerSight = {
  flavour: 'mariadb',
  serverId: 1,
  serverUuid: null,
  logs: [
    { file: 'bin.000002', size: 9000 },
    { file: 'bin.000003', size: 600 },
  ],
  gtidAtPlace: '0-1-100',
  nextGtid: null,
  executed: '0-1-120',
  purged: '0-1-40',
  isReplica: false,
  lastXid: 'same',
  newestEvent: 'same',
  refused: false,
};
const replica = { serverId: 2, logs: [{ file: 'other.000009', size: 50 }], gtidAtPlace: null };

const position = { how: 'position' };
const gtid = { how: 'gtid' };
const wait = { how: 'wait' };
const heal = (why: string) => ({ how: 'heal', why });

test.each<{
  why: string;
  stored?: Partial<StoredPlace>;
  seen?: Partial<ServerSight>;
  decides: object;
}>([
  { why: 'a server that was restarted goes on by its place', decides: position },
  {
    why: 'one that rotated since goes on in the old file',
    seen: { logs: [...same.logs, { file: 'bin.000004', size: 4 }] },
    decides: position,
  },
  {
    why: 'one that got another server id has the same binlog',
    seen: { serverId: 7 },
    decides: position,
  },
  {
    why: 'one whose transaction before our place has no number goes on by its place',
    seen: { lastXid: 'unknown' },
    decides: position,
  },
  {
    why: 'a file in which another transaction ends at our byte is another history, whatever else agrees',
    seen: { lastXid: 'differs' },
    decides: heal('another history'),
  },
  {
    why: 'another server that has all of ours is not asked for numbers of its own',
    seen: { ...replica, lastXid: 'differs' },
    decides: gtid,
  },
  {
    why: 'GTIDs of several domains are compared in whatever order they are listed',
    stored: { gtid: '0-1-100,5-9-7' },
    seen: { gtidAtPlace: '5-9-7,0-1-100', executed: '5-9-7,0-1-120' },
    decides: position,
  },
  {
    why: 'a server that has written no transaction yet has the same empty history',
    stored: { gtid: null },
    seen: { gtidAtPlace: '', executed: '', purged: '' },
    decides: position,
  },
  { why: 'a replica that has our transactions goes on by GTID', seen: replica, decides: gtid },
  {
    why: 'one that has them and is a replica still does so too',
    seen: { ...replica, isReplica: true },
    decides: gtid,
  },
  {
    why: 'after a promotion the new server id writes on in our domain',
    seen: { ...replica, executed: '0-1-100,0-2-130' },
    decides: gtid,
  },
  {
    why: 'another Galera node with GTIDs of the cluster goes on by GTID',
    stored: { gtid: '10-1-100' },
    seen: { ...replica, executed: '10-1-100,20-2-5', purged: '' },
    decides: gtid,
  },
  {
    why: 'another Galera node with GTIDs of its own is healed',
    stored: { gtid: '0-1-100' },
    seen: { ...replica, executed: '0-2-4000' },
    decides: heal('another server without our GTID'),
  },
  {
    why: 'a replica that is behind may still get what we have read',
    seen: { ...replica, executed: '0-1-99', isReplica: true },
    decides: wait,
  },
  {
    why: 'one that lacks the newest event too, though its GTIDs cannot tell',
    stored: { gtid: null },
    seen: { ...replica, newestEvent: 'missing', isReplica: true },
    decides: wait,
  },
  {
    why: 'one that was promoted without them has lost them',
    seen: { ...replica, executed: '0-1-99,0-2-130' },
    decides: heal('transactions lost'),
  },
  {
    why: 'a replica whose binlog begins after our GTID has purged it',
    seen: { ...replica, purged: '0-1-101' },
    decides: heal('purged'),
  },
  {
    why: 'a domain of which we know nothing may not have been purged before',
    seen: { ...replica, executed: '0-1-120,3-3-9', purged: '3-3-4' },
    decides: heal('purged'),
  },
  {
    why: 'another server without GTIDs is healed',
    stored: { gtid: null },
    seen: { ...replica, executed: '' },
    decides: heal('another server without our GTID'),
  },
  {
    why: 'a purged place is healed, whatever GTIDs say',
    seen: { logs: [{ file: 'bin.000005', size: 600 }], gtidAtPlace: null, purged: '0-1-110' },
    decides: heal('purged'),
  },
  {
    why: 'a file that became shorter lost its tail',
    seen: { logs: [{ file: 'bin.000003', size: 400 }], gtidAtPlace: null },
    decides: heal('beyond the end'),
  },
  {
    why: 'a file that is yet to come belongs to a binlog that was reset',
    seen: { logs: [{ file: 'bin.000001', size: 400 }], gtidAtPlace: null, executed: '0-1-3' },
    decides: heal('beyond the end'),
  },
  {
    why: 'after a reset the numbers start again: they prove nothing on the same server',
    seen: { gtidAtPlace: '0-1-57', executed: '0-1-150', purged: '' },
    decides: heal('another history'),
  },
  {
    why: 'a place within an event is none of ours',
    seen: { gtidAtPlace: null },
    decides: heal('another history'),
  },
  {
    why: 'file names are compared by number',
    stored: { file: 'bin.999999' },
    seen: { logs: [{ file: 'bin.1000000', size: 600 }], gtidAtPlace: null },
    decides: heal('purged'),
  },
  {
    why: 'the same GTID with other content is another history',
    seen: { newestEvent: 'differs' },
    decides: heal('newest event differs'),
  },
  {
    why: 'one whose change is in the binlog that follows is not',
    seen: { newestEvent: 'changed' },
    decides: position,
  },
  {
    why: 'a replica is not waited for either when that deleted it',
    seen: { ...replica, newestEvent: 'changed', isReplica: true },
    decides: gtid,
  },
  {
    why: 'a restored backup lacks the newest event',
    seen: { newestEvent: 'missing', executed: '0-1-90' },
    decides: heal('transactions lost'),
  },
  {
    why: 'an event that is gone while all transactions are there is looked into',
    seen: { newestEvent: 'missing' },
    decides: heal('newest event missing'),
  },
  {
    why: 'a feed without events can only trust the place',
    seen: { newestEvent: 'unknown' },
    decides: position,
  },
  {
    why: 'a place that the server refused is not asked for twice',
    seen: { refused: true },
    decides: heal('refused by the server'),
  },
])('MariaDB: $why', ({ stored, seen, decides }) => {
  expect(decideResume({ ...place, ...stored }, { ...same, ...seen })).toEqual(decides);
});

const a = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const b = '4f22fa47-71ca-11e1-9e33-c80aa9429562';
const mysqlPlace: StoredPlace = { ...place, gtid: `${a}:1-100`, serverUuid: a };
const mysqlSame: ServerSight = {
  ...same,
  flavour: 'mysql',
  serverUuid: a,
  gtidAtPlace: null,
  executed: `${a}:1-120`,
  nextGtid: `${a}:101`,
  purged: `${a}:1-40`,
};
const mysqlReplica = { serverUuid: b, serverId: 2, nextGtid: null, logs: replica.logs };

test.each<{
  why: string;
  stored?: Partial<StoredPlace>;
  seen?: Partial<ServerSight>;
  decides: object;
}>([
  { why: 'the same server goes on by its place', decides: position },
  {
    why: 'at the very end nothing more may have been executed',
    seen: { nextGtid: null, executed: `${a}:1-100` },
    decides: position,
  },
  {
    why: 'something executed that the place does not lead to: another history',
    seen: { nextGtid: null },
    decides: heal('another history'),
  },
  {
    why: 'after a reset the next transaction has a number that we have seen',
    seen: { nextGtid: `${a}:51`, executed: `${a}:1-150` },
    decides: heal('another history'),
  },
  { why: 'without GTIDs the server and the file count', stored: { gtid: null }, decides: position },
  {
    why: 'a place within a transaction is none: it goes on by GTID, also on the same server',
    stored: { withinTransaction: true },
    seen: { nextGtid: null },
    decides: gtid,
  },
  {
    why: 'within a transaction that was purged it is healed',
    stored: { withinTransaction: true },
    seen: { nextGtid: null, purged: `${a}:1-101` },
    decides: heal('purged'),
  },
  { why: 'a replica whose set holds ours goes on by GTID', seen: mysqlReplica, decides: gtid },
  {
    why: 'tagged transactions count by their tag',
    stored: { gtid: `${a}:1-100:nightly:1-5` },
    seen: { ...mysqlReplica, executed: `${a}:1-120:nightly:1-7, ${b}:1-3`, purged: '' },
    decides: gtid,
  },
  {
    why: 'a replica that lacks a tag is behind',
    stored: { gtid: `${a}:1-100:nightly:1-5` },
    seen: { ...mysqlReplica, isReplica: true },
    decides: wait,
  },
  {
    why: 'one that was promoted without some of ours has lost them',
    seen: { ...mysqlReplica, executed: `${a}:1-99,${b}:1-9` },
    decides: heal('transactions lost'),
  },
  {
    why: 'one that purged what we have not read is healed',
    seen: { ...mysqlReplica, purged: `${a}:1-101` },
    decides: heal('purged'),
  },
  {
    why: 'a server that knows nothing of ours is healed',
    seen: { ...mysqlReplica, executed: `${b}:1-900`, purged: '' },
    decides: heal('another server without our GTID'),
  },
])('MySQL: $why', ({ stored, seen, decides }) => {
  expect(decideResume({ ...mysqlPlace, ...stored }, { ...mysqlSame, ...seen })).toEqual(decides);
});
