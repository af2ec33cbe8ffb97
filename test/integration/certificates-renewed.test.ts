import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { freePort } from '../../deploy/dev/ports.ts';
import { parseLogUrl } from '../../src/cli/log-url.ts';
import { openKafkaLog } from '../../src/platform/log/kafka.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { openPool, parseMysqlUrl } from '../../src/platform/mysql.ts';
import { hasOpenssl, keyAndChain, makeCertificates } from '../support/certificates.ts';
import type { Certificates } from '../support/certificates.ts';
import { scratchFolder } from '../support/scratch-folder.ts';
import { canStartServers, servers, startKafka, startMariaDb } from '../support/servers.ts';
import { insertEvent, tailedCloud } from '../support/tailed-cloud.ts';
import type { RunningTail, TailedCloud } from '../support/tailed-cloud.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

describe.skipIf(!canStartServers() || !hasOpenssl())('while a tailer works', () => {
  const folder = scratchFolder();
  /** Of two authorities, one after the other. */
  let first: Certificates;
  let second: Certificates;
  beforeAll(() => {
    const make = (name: string) => {
      mkdirSync(join(folder.path, name));
      return makeCertificates(join(folder.path, name));
    };
    [first, second] = [make('first'), make('second')];
  });
  afterAll(() => folder[Symbol.dispose]());

  /** What the server has changes first: connections fail until our file has the new authority, too. */
  async function renewed(
    cloud: TailedCloud,
    tail: RunningTail,
    server: () => Promise<void>,
    ours: string,
    code: RegExp,
  ): Promise<void> {
    await insertEvent(cloud.sql, { id: 1 });
    await tail.when(({ phase }) => phase === 'stream');
    await tail.whenCaughtUp();
    await server();
    await insertEvent(cloud.sql, { id: 2 });
    await expect
      .poll(() => tail.metrics.faults.list(), { timeout: 30_000 })
      .toMatchObject([{ part: 'tail', code: expect.stringMatching(code) as string }]);
    copyFileSync(second.ca, ours);
    await tail.whenCaughtUp();
    await tail.stop();
    const feed = await cloud.feed();
    expect(feed.flatMap((each) => (each.kind === 'usage-event' ? [each.event.id] : []))).toEqual([
      '1',
      '2',
    ]);
  }

  test('its source gets a certificate of another authority: it goes on once the file of ours says so', async () => {
    const at = (name: string) => join(folder.path, `source-${name}.pem`);
    const put = ({ ca, cert, key }: Certificates) => {
      for (const [name, file] of Object.entries({ ca, cert, key })) copyFileSync(file, at(name));
    };
    put(first);
    const ours = join(folder.path, 'ours.pem');
    copyFileSync(first.ca, ours);
    await using server = await startMariaDb({
      settings: {
        ...{ innodb_buffer_pool_size: '64M', innodb_log_file_size: '16M' },
        ...{ ssl_ca: at('ca'), ssl_cert: at('cert'), ssl_key: at('key') },
      },
    });
    await using cloud = await tailedCloud(server.url);
    const source = parseMysqlUrl(`${server.url}?tls=verify&ca=${ours}`);
    const pool = openPool(source, 1);
    await pool.query('SELECT 1');
    const tail = cloud.start({ source });
    const renew = async () => {
      put(second);
      await cloud.sql.query('FLUSH SSL');
      const [rows] = await cloud.sql.query(
        'SELECT ID AS id FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID() AND USER = "root"',
      );
      for (const { id } of rows as { id: string }[])
        await cloud.sql.query(`KILL ${id}`).catch(() => undefined); // it went by itself
    };
    await renewed(cloud, tail, renew, ours, /^SOURCE_UNREACHABLE$/);
    // What was opened before, as the pools of our processes are, takes the new one as well.
    const ask = () => pool.query('SELECT 1').then(() => 'answers');
    await expect.poll(ask, { timeout: 30_000 }).toBe('answers');
    await pool.end();
  });

  test('its broker gets a certificate of another authority: it goes on once the file of ours says so', async () => {
    const keystore = join(folder.path, 'keystore.pem');
    writeFileSync(keystore, keyAndChain(first));
    const ours = join(folder.path, 'ours-of-kafka.pem');
    copyFileSync(first.ca, ours);
    const port = await freePort();
    await using broker = await startKafka({
      extra: { port, name: 'SECURE', protocol: 'SSL' },
      properties: {
        'listener.name.secure.ssl.keystore.type': 'PEM',
        'listener.name.secure.ssl.keystore.location': keystore,
      },
    });
    await using cloud = await tailedCloud(servers().mariadbUrl, [`${broker.host}:${broker.port}`]);
    const target = parseLogUrl(`kafka://127.0.0.1:${port}?tls=verify&ca=${ours}`, undefined);
    const logger = createLogger({ level: 'silent' });
    await using log = await openKafkaLog({ ...target, clientId: 'renewed', logger });
    const tail = cloud.start({}, log);
    const renew = async () => {
      writeFileSync(keystore, keyAndChain(second));
      await broker.restart();
    };
    await renewed(cloud, tail, renew, ours, /^LOG_/);
  });
});
