import { expect, test } from 'vitest';
import { isAppError } from '../../../src/platform/errors.ts';
import { parseMysqlUrl } from '../../../src/platform/mysql.ts';

const plain = {
  host: 'db',
  port: 3306,
  user: '',
  password: '',
  database: undefined,
  tls: undefined,
};

test.each([
  { url: 'mysql://db', target: {} },
  { url: 'mariadb://db:3307/cloud', target: { port: 3307, database: 'cloud' } },
  { url: 'mysql://reader:hunter2@db', target: { user: 'reader', password: 'hunter2' } },
  { url: 'mysql://a%40b:p%2Fw%25%3A@db', target: { user: 'a@b', password: 'p/w%:' } },
  { url: 'mysql://[::1]:3306', target: { host: '::1' } },
  { url: 'mysql://db?tls=required', target: { tls: { ca: undefined, verify: false } } },
  { url: 'mysql://db?tls=verify', target: { tls: { ca: undefined, verify: true } } },
  { url: 'mysql://db?ca=/etc/ca.pem', target: { tls: { ca: '/etc/ca.pem', verify: true } } },
])('$url', ({ url, target }) => {
  expect(parseMysqlUrl(url)).toEqual({ ...plain, ...target });
});

test.each([
  '',
  'db:3306',
  'http://root:hunter2@db',
  'mysql://',
  'mysql:///cloud',
  'mysql://root:hunter2%@db',
  'mysql://root:hunter2@db:port',
])('"%s" is refused as a setting, and a password is not repeated', (url) => {
  let fault: unknown;
  try {
    parseMysqlUrl(url);
  } catch (thrown) {
    fault = thrown;
  }
  expect(isAppError(fault, 'CONFIG_INVALID')).toBe(true);
  expect(isAppError(fault) && fault.explain()).not.toContain('hunter2');
});
