import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { freePort } from '../../deploy/dev/ports.ts';
import type { RowDataPacket } from '../../src/platform/mysql.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { caughtUpWith, expectFeedHasTable } from '../support/feed-and-table.ts';
import { flavours } from '../support/flavours.ts';
import { canStartServers, randomSuffix, startKafka } from '../support/servers.ts';
import type { LocalServer } from '../support/servers.ts';
import { insertEvent, tailedCloud } from '../support/tailed-cloud.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const places = await flavours();

describe.skipIf(!canStartServers())('while the log takes nothing', () => {
  let broker: LocalServer;
  let link: FaultProxy;
  beforeAll(async () => {
    const port = await freePort();
    link = await FaultProxy.open({ host: '127.0.0.1', port });
    broker = await startKafka({
      extra: { name: 'PROXIED', protocol: 'PLAINTEXT', port, advertised: link.port },
    });
  });
  afterAll(async () => {
    await link?.[Symbol.asyncDispose]();
    await broker?.[Symbol.asyncDispose]();
  });

  afterEach(() => link.set({}));

  // Nobody looks at the connection for 15 s: it is the server that gives up, after a second.
  const dropped = { standstillMs: 1000, heartbeatMs: 60_000, fillerMb: 8 };
  // Little enough for the buffers of the system, so that the server never waits.
  const leaves = { standstillMs: 1000, heartbeatMs: 400, fillerMb: 0 };

  test.each([
    ...places.map((place) => ({ ...place, why: 'drops a reader that stands still', ...dropped })),
    ...places.slice(0, 1).map((place) => ({ ...place, why: 'is left before it would', ...leaves })),
  ])(
    'the source ($flavour) $why, and every change comes once',
    async ({ url, standstillMs, heartbeatMs, fillerMb }) => {
      await using cloud = await tailedCloud(url, [`127.0.0.1:${link.port}`]);
      const { sql } = cloud;
      const user = `u${randomSuffix()}`;
      await sql.query(
        `CREATE USER ${user} IDENTIFIED BY 'p'; GRANT ALL ON *.* TO ${user};
           CREATE TABLE filler (content LONGTEXT)`,
      );
      const readers = async () => {
        const [rows] = await sql.query<RowDataPacket[]>('SHOW PROCESSLIST');
        return rows.filter(
          (row) => row['User'] === user && String(row['Command']).startsWith('Binlog Dump'),
        ).length;
      };
      const tail = cloud.start({
        source: { ...cloud.target, user, password: 'p' },
        ...{ standstillMs, heartbeatMs, maxQueueBytes: 4000, sessionTimeoutMs: 30_000 },
      });
      await tail.whenCaughtUp();
      // What there was came by the snapshot: the binlog is asked for a moment later.
      await expect.poll(readers, { timeout: 12_000 }).toBe(1);

      link.set({ blackHole: true });
      let id = 0;
      const write = async (count: number) => {
        for (let n = 0; n < count; n++)
          await insertEvent(sql, { id: ++id, account_id: 2 + (id % 5) });
      };
      const left = async () => {
        await write(10);
        for (let mb = 0; mb < fillerMb; mb++)
          await sql.query("INSERT INTO filler VALUES (REPEAT('x', 1048576))");
        return readers();
      };
      await expect.poll(left, { timeout: 12_000 }).toBe(0);
      link.set({});

      await caughtUpWith(tail, sql);
      const { values } = await tail.metrics.retries.get();
      expect(values.map(({ labels }) => labels.code)).toContain('SOURCE_UNREACHABLE');
      await tail.stop();
      await sql.query(`DROP USER ${user}`);
      expect(await expectFeedHasTable(cloud, sql)).toEqual([]);
      expect(await cloud.raw('usage_event')).toHaveLength(id);
    },
  );
});
