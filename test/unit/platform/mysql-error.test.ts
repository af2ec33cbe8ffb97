import { expect, test } from 'vitest';
import { isAppError } from '../../../src/platform/errors.ts';
import { mysqlError, parseMysqlUrl } from '../../../src/platform/mysql.ts';

const target = parseMysqlUrl('mysql://reader:swordfish@db:3307');
const fault = (facts: object) => Object.assign(new Error('as the driver says it'), facts);

test.each([
  { why: 'a reset connection', error: fault({ code: 'ECONNRESET' }), code: 'SOURCE_UNREACHABLE' },
  {
    why: 'a connection that the driver has closed, which has no code',
    error: fault({ fatal: true }),
    code: 'SOURCE_UNREACHABLE',
  },
  {
    why: 'a Galera node without a cluster',
    error: Object.assign(new Error('WSREP has not yet prepared node for application use'), {
      code: 'ER_UNKNOWN_COM_ERROR',
    }),
    code: 'SOURCE_UNREACHABLE',
  },
  {
    why: 'a wrong password',
    error: fault({ code: 'ER_ACCESS_DENIED_ERROR', fatal: true }),
    code: 'SOURCE_ACCESS_DENIED',
  },
])('$why is of the catalogue', ({ error, code }) => {
  expect(mysqlError(error, target, 'SOURCE')).toMatchObject({ code, facts: { port: 3307 } });
});

test.each([
  { why: 'a fault of the statement', error: fault({ code: 'ER_PARSE_ERROR' }) },
  { why: 'a schema that is missing', error: fault({ code: 'ER_BAD_DB_ERROR', fatal: true }) },
  { why: 'a bug', error: new TypeError('x is not a function') },
])('$why stays as it is', ({ error }) => {
  expect(mysqlError(error, target, 'SOURCE')).toBe(error);
  expect(isAppError(error)).toBe(false);
});
