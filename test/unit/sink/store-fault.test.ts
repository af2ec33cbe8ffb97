import { expect, test } from 'vitest';
import { AppError } from '../../../src/platform/errors.ts';
import { parseMysqlUrl } from '../../../src/platform/mysql.ts';
import { storeFault } from '../../../src/sink/store-fault.ts';

const target = parseMysqlUrl('mysql://billing:secret@db:3306');
const fault = (facts: object) => Object.assign(new Error('from the server'), facts);

test.each([
  { given: { code: 'ER_LOCK_DEADLOCK' }, is: 'STORE_BUSY' },
  { given: { code: 'ER_LOCK_WAIT_TIMEOUT' }, is: 'STORE_BUSY' },
  { given: { code: 'ER_DUP_ENTRY' }, is: 'STORE_BUSY' },
  { given: { code: 'ER_NO_SUCH_TABLE' }, is: 'STORE_SCHEMA_MISSING' },
  { given: { code: 'ER_TABLEACCESS_DENIED_ERROR' }, is: 'STORE_ACCESS_DENIED' },
  { given: { code: 'PROTOCOL_CONNECTION_LOST' }, is: 'STORE_UNREACHABLE' },
  { given: { code: 'ER_OPTION_PREVENTS_STATEMENT' }, is: 'STORE_UNREACHABLE' },
  { given: { errno: 1927 }, is: 'STORE_UNREACHABLE' },
])('$given is $is', ({ given, is }) => {
  expect(storeFault(fault(given), target)).toMatchObject({ code: is });
});

test('what the catalogue does not know stays as it is', () => {
  const bug = fault({ code: 'ER_DATA_TOO_LONG' });
  expect(storeFault(bug, target)).toBe(bug);
  const ours = new AppError('SINK_FENCED');
  expect(storeFault(ours, target)).toBe(ours);
});

test('no fault shows the password', () => {
  const shown = storeFault(fault({ code: 'ECONNREFUSED' }), target);
  expect(shown instanceof AppError && shown.explain()).not.toContain('secret');
});
