import { expect, test, vi } from 'vitest';
import { servers } from '../support/servers.ts';
import { tailedCloud } from '../support/tailed-cloud.ts';
import { DatabaseProxy } from './sink-proxy.ts';

test(
  'a connection on which nothing comes any more is noticed by the heartbeats that are missing',
  { timeout: 30_000 },
  async () => {
    await using cloud = await tailedCloud(servers().mariadbUrl);
    await using proxy = await DatabaseProxy.open(cloud.target);
    // The clock is not asked, so that nothing but the binlog's own connection can tell.
    const tail = cloud.start({ source: proxy.target, heartbeatMs: 200, clock: 'source' });
    await tail.whenCaughtUp();
    proxy.freeze();
    await vi.waitFor(
      async () => {
        const { values } = await tail.metrics.retries.get();
        expect(values.map(({ labels }) => labels.code)).toContain('SOURCE_UNREACHABLE');
      },
      { timeout: 20_000 },
    );
    await tail.stop();
  },
);
