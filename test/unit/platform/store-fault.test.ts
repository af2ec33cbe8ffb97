import { expect, test } from 'vitest';
import { AppError } from '../../../src/platform/errors.ts';
import { parseMysqlUrl } from '../../../src/platform/mysql.ts';
import { isBusy, isLost, storeFault } from '../../../src/platform/store-fault.ts';

const target = parseMysqlUrl('mysql://billing:secret@db:3306');
const fault = (facts: object) => Object.assign(new Error('from the server'), facts);

test.each([
  { given: { errno: 1213, code: 'ER_LOCK_DEADLOCK' }, is: 'STORE_BUSY' },
  { given: { errno: 1205, code: 'ER_LOCK_WAIT_TIMEOUT' }, is: 'STORE_BUSY' },
  { given: { errno: 1146, code: 'ER_NO_SUCH_TABLE' }, is: 'STORE_SCHEMA_MISSING' },
  { given: { errno: 1142, code: 'ER_TABLEACCESS_DENIED_ERROR' }, is: 'STORE_ACCESS_DENIED' },
  { given: { errno: 1820, code: 'ER_MUST_CHANGE_PASSWORD' }, is: 'STORE_ACCESS_DENIED' },
  { given: { code: 'PROTOCOL_CONNECTION_LOST' }, is: 'STORE_UNREACHABLE' },
  { given: { code: 'ECONNREFUSED' }, is: 'STORE_UNREACHABLE' },
  { given: { fatal: true }, is: 'STORE_UNREACHABLE' },
  { given: { errno: 1290, code: 'ER_OPTION_PREVENTS_STATEMENT' }, is: 'STORE_UNREACHABLE' },
  { given: { errno: 1836, code: 'ER_READ_ONLY_MODE' }, is: 'STORE_UNREACHABLE' },
  { given: { errno: 1021, code: 'ER_DISK_FULL' }, is: 'STORE_UNREACHABLE' },
  { given: { errno: 1114, code: 'ER_RECORD_FILE_FULL' }, is: 'STORE_UNREACHABLE' },
  { given: { errno: 1040, code: 'ER_CON_COUNT_ERROR' }, is: 'STORE_UNREACHABLE' },
  { given: { errno: 1153, code: 'ER_NET_PACKET_TOO_LARGE' }, is: 'STORE_UNREACHABLE' },
  { given: { errno: 1927 }, is: 'STORE_UNREACHABLE' },
  { given: { errno: 1317 }, is: 'STORE_UNREACHABLE' },
  { given: { errno: 1047 }, is: 'STORE_UNREACHABLE' },
  { given: { errno: 1053 }, is: 'STORE_UNREACHABLE' },
])('$given is $is', ({ given, is }) => {
  expect(storeFault(fault(given), target)).toMatchObject({ code: is });
});

test('what the catalogue does not know stays as it is', () => {
  const bug = fault({ errno: 1406, code: 'ER_DATA_TOO_LONG' });
  expect(storeFault(bug, target)).toBe(bug);
  const ours = new AppError('SINK_FENCED');
  expect(storeFault(ours, target)).toBe(ours);
});

test('a duplicate key is a rival only where there may be one', () => {
  const duplicate = fault({ errno: 1062, code: 'ER_DUP_ENTRY' });
  expect(storeFault(duplicate, target)).toBe(duplicate);
  expect(storeFault(duplicate, target, 'busy')).toMatchObject({ code: 'STORE_BUSY' });
});

test('a deadlock is told from a lost connection, mapped or not', () => {
  const deadlock = fault({ errno: 1213 });
  expect([isBusy(deadlock), isBusy(storeFault(deadlock, target))]).toEqual([true, true]);
  expect(isLost(storeFault(deadlock, target))).toBe(false);
  expect(isLost(storeFault(fault({ errno: 1927 }), target))).toBe(true);
});

test('no fault shows the password', () => {
  const shown = storeFault(fault({ code: 'ECONNREFUSED' }), target);
  expect(shown instanceof AppError && shown.explain()).not.toContain('secret');
});
