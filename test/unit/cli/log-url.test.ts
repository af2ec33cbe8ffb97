import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseLogUrl } from '../../../src/cli/log-url.ts';
import { isAppError } from '../../../src/platform/errors.ts';
import { scratchFolder } from '../../support/scratch-folder.ts';

test.each([
  { url: 'kafka://k1:9092', brokers: ['k1:9092'] },
  { url: 'kafka://k1:9092/', brokers: ['k1:9092'] },
  { url: 'kafka://k1:9092,k2:9093', brokers: ['k1:9092', 'k2:9093'] },
  { url: 'kafka://[::1]:9092', brokers: ['[::1]:9092'] },
])('$url names its brokers, without TLS or SASL', ({ url, brokers }) => {
  expect(parseLogUrl(url, undefined)).toEqual({ brokers, tls: undefined, sasl: undefined });
});

test.each([
  '',
  'k1:9092',
  'mysql://k1:9092',
  'kafka://',
  'kafka://k1',
  'kafka://k1:9092,',
  'kafka://user:hunter2@k1:9092',
  'kafka://k1:9092?sasl=gssapi',
  'kafka://k1:9092?ca=/nowhere/ca.pem',
])('%s is refused as a setting, without being repeated', (url) => {
  const fault = faultOf(() => parseLogUrl(url, 'hunter2'));
  expect(isAppError(fault, 'CONFIG_INVALID') && fault.explain()).toMatch(/^CONFIG_INVALID/);
  expect(String(isAppError(fault) && fault.explain())).not.toContain('hunter2');
});

test('TLS takes any certificate only when it is merely required', () => {
  expect(parseLogUrl('kafka://k:1?tls=required', undefined).tls).toEqual({ verify: false });
  expect(parseLogUrl('kafka://k:1?tls=verify', undefined).tls).toEqual({ verify: true });
});

test('a file of certificates is read, and means that they are verified', () => {
  using folder = scratchFolder();
  const ca = join(folder.path, 'ca.pem');
  writeFileSync(ca, 'PEM');
  expect(parseLogUrl(`kafka://k:1?ca=${ca}`, undefined).tls).toEqual({
    caFile: ca,
    verify: true,
  });
});

test('SASL takes the user of the address and the password from beside it', () => {
  expect(parseLogUrl('kafka://k:1?sasl=scram-sha-512&user=acs', 'hunter2').sasl).toEqual({
    mechanism: 'scram-sha-512',
    username: 'acs',
    password: 'hunter2',
  });
});

test('SASL without a password says where to give it', () => {
  const fault = faultOf(() => parseLogUrl('kafka://k:1?sasl=plain&user=acs', undefined));
  expect(isAppError(fault) && fault.facts['problems']).toEqual([
    expect.stringContaining('USAGESTREAM_LOG_PASSWORD'),
  ]);
});

function faultOf(act: () => unknown): unknown {
  try {
    act();
  } catch (fault) {
    return fault;
  }
  return undefined;
}
