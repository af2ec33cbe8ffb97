import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/platform/clock.ts';
import { isAppError } from '../../src/platform/errors.ts';
import { mysqlOptions, openConnection, parseMysqlUrl } from '../../src/platform/mysql.ts';
import { preflightTarget } from '../../src/tail/preflight.ts';
import { repositoryRoot } from '../support/sources.ts';
import { canStartMariaDb, servers, startMariaDb } from '../support/servers.ts';
import type { LocalServer } from '../support/servers.ts';
import { scratchFolder } from '../support/scratch-folder.ts';
import { insertEvent, tailedCloud } from '../support/tailed-cloud.ts';
import type { TailedCloud } from '../support/tailed-cloud.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const tls = (file: string) => join(repositoryRoot, 'test/data/tls', file);

// One server for what a server can do to its connections and files: its data is read all the same.
describe.skipIf(!canStartMariaDb())(
  'a server with TLS, an encrypted and a compressed binlog',
  () => {
    const folder = scratchFolder();
    let server: LocalServer;
    let cloud: TailedCloud;
    const at = (query: string) => parseMysqlUrl(`${server.url}${query}`);

    beforeAll(async () => {
      const keys = join(folder.path, 'keys.txt');
      writeFileSync(keys, `1;${'a1b2c3d4'.repeat(8)}\n`);
      server = await startMariaDb({
        settings: {
          innodb_buffer_pool_size: '64M',
          innodb_log_file_size: '16M',
          ssl_ca: tls('ca.pem'),
          ssl_cert: tls('server-cert.pem'),
          ssl_key: tls('server-key.pem'),
          log_bin_compress: 'ON',
          log_bin_compress_min_len: '10',
          plugin_load_add: 'file_key_management',
          file_key_management_filename: keys,
          encrypt_binlog: 'ON',
        },
      });
      const root = await createConnection(mysqlOptions(at('')));
      await root.query('SET GLOBAL require_secure_transport = ON');
      await root.end();
      cloud = await tailedCloud(`${server.url}?tls=required`);
    });
    afterAll(async () => {
      await cloud[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    });

    test('the tail reads it by TLS, with the certificate checked or not, compressed rows too', async () => {
      const { sql } = cloud;
      const queries = ['?tls=required', `?tls=verify&ca=${tls('ca.pem')}`, `?ca=${tls('ca.pem')}`];
      for (const [i, query] of queries.entries()) {
        const tail = cloud.start({ source: at(query) });
        await tail.whenCaughtUp();
        for (const n of [1, 2])
          await insertEvent(sql, { id: 10 * i + n, resource_name: 'é😀'.repeat(50) });
        await tail.whenCaughtUp();
        await tail.stop();
      }
      const [rows] = await sql.query(
        "SHOW GLOBAL STATUS WHERE Variable_name IN ('Ssl_finished_accepts')",
      );
      expect(Number((rows as { Value: string }[])[0]!.Value)).toBeGreaterThan(8);
      const names = (await cloud.feed()).flatMap((each) =>
        each.kind === 'usage-event' ? [`${each.event.id} ${each.event.resourceName}`] : [],
      );
      expect(names.toSorted()).toEqual(
        [1, 11, 12, 2, 21, 22].map((id) => `${id} ${'é😀'.repeat(50)}`),
      );
    });

    test.each([
      { what: 'an unknown authority', query: () => '?tls=verify' },
      { what: 'another authority', query: () => `?tls=verify&ca=${tls('other-ca.pem')}` },
      { what: 'no TLS where the server asks for it', query: () => '' },
    ])('$what is refused, and doctor says why', async ({ query }) => {
      const target = at(query());
      for (const role of ['SOURCE', 'STORE'] as const)
        await expect(openConnection(target, role)).rejects.toSatisfy(
          (error) => isAppError(error) && error.code.startsWith(`${role}_`),
        );
      const options = { target, cloudSchema: cloud.cloudSchema, serverId: 4_000_000 };
      const [finding] = await preflightTarget(options, systemClock);
      expect(finding).toMatchObject({ check: 'connection', level: 'fatal' });
      expect(finding!.found).toMatch(/certificate|secure|denied/i);
      const tail = cloud.start({ source: target, failFast: true });
      await expect(tail.done).rejects.toSatisfy((error) => isAppError(error));
    });

    test('a missing file of an authority is named', () => {
      const target = at('?tls=verify&ca=/nowhere/ca.pem');
      expect(() => mysqlOptions(target)).toThrowError(
        expect.toSatisfy(
          (error) => isAppError(error, 'CONFIG_INVALID') && error.explain().includes('/nowhere'),
        ),
      );
    });
  },
);

test('of two tails with one server id one is told to take another, and the other goes on', async () => {
  await using cloud = await tailedCloud(servers().mariadbUrl);
  await using other = await tailedCloud(servers().mariadbUrl);
  const tails = [cloud, other].map((each) => each.start({ serverId: 77_001 }));
  const ends = tails.map((tail, i) => tail.done.catch((error: unknown) => ({ error, i })));
  const end = await Promise.race(ends);
  if (!('error' in end)) throw new Error('a tail was stopped');
  expect(isAppError(end.error, 'SOURCE_NOT_READY') && end.error.explain()).toContain('--server-id');
  const [survivor, survivors] = end.i === 0 ? [tails[1]!, other] : [tails[0]!, cloud];
  await insertEvent(survivors.sql, { id: 1 });
  await survivor.whenCaughtUp();
  await survivor.stop();
});
