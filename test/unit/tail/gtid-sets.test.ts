import { expect, test } from 'vitest';
import { holdsPosition, isPurged } from '../../../src/tail/mariadb-gtid-list.ts';
import { MysqlGtidSet } from '../../../src/tail/mysql-gtid-set.ts';

const u = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const v = '4f22fa47-71ca-11e1-9e33-c80aa9429562';

test.each([
  { why: 'nothing is in everything', set: '', of: `${u}:1-5`, holds: true },
  { why: 'an interval lies within another', set: `${u}:2-4`, of: `${u}:1-5`, holds: true },
  { why: 'neighbours are one', set: `${u}:1-9`, of: `${u}:1-5:6-9`, holds: true },
  { why: 'so are overlapping ones', set: `${u}:1-9`, of: `${u}:3-9:1-4`, holds: true },
  { why: 'a hole is missing', set: `${u}:1-9`, of: `${u}:1-5:7-9`, holds: false },
  { why: 'servers are told apart', set: `${v}:1`, of: `${u}:1-5`, holds: false },
  { why: 'in any case of letters', set: `${u.toUpperCase()}:1`, of: `${u}:1-5`, holds: true },
  { why: 'tags are told apart', set: `${u}:x:1`, of: `${u}:1-5:y:1-5`, holds: false },
  { why: 'a tag goes on to the next', set: `${u}:y:5`, of: `${u}:1:x:1:y:1-5`, holds: true },
  { why: 'several servers, with line ends', set: `${v}:2`, of: `${u}:1,\n${v}:1-3`, holds: true },
  {
    why: 'numbers above 2^53',
    set: `${u}:9223372036854775806`,
    of: `${u}:1-9223372036854775805`,
    holds: false,
  },
])('MySQL: $why', ({ set, of, holds }) => {
  expect(new MysqlGtidSet(of).contains(new MysqlGtidSet(set))).toBe(holds);
});

test('what is no GTID set is refused', () => {
  expect(() => new MysqlGtidSet('0-1-25:what?')).toThrow('not a GTID set');
});

test.each([
  { why: 'the same', state: '0-1-5', position: '0-1-5', holds: true },
  { why: 'later', state: '0-1-6', position: '0-1-5', holds: true },
  { why: 'earlier', state: '0-1-4', position: '0-1-5', holds: false },
  { why: 'by numbers, not by text', state: '0-1-10', position: '0-1-9', holds: true },
  { why: 'another server of the domain', state: '0-2-9', position: '0-1-5', holds: false },
  { why: 'each domain', state: '0-1-9,1-1-9', position: '0-1-5,1-1-10', holds: false },
  { why: 'a number that ran back', state: '0-1-100,0-2-98', position: '0-2-98', holds: true },
])('MariaDB holds a position: $why', ({ state, position, holds }) => {
  expect(holdsPosition(state, position)).toBe(holds);
});

test.each([
  { why: 'nothing is', oldest: '', position: '0-1-5', purged: false },
  { why: 'the very start is still there', oldest: '0-1-5', position: '0-1-5', purged: false },
  { why: 'the next one is gone', oldest: '0-1-6', position: '0-1-5', purged: true },
  { why: 'a domain we never saw', oldest: '0-1-1,7-1-1', position: '0-1-5', purged: true },
])('MariaDB purged: $why', ({ oldest, position, purged }) => {
  expect(isPurged(oldest, position)).toBe(purged);
});
