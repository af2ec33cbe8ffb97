import { expect, test, vi } from 'vitest';
import { canStartServers, servers, startKafka } from '../support/servers.ts';
import { insertEvent, tailedCloud } from '../support/tailed-cloud.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

test.skipIf(!canStartServers())(
  'a broker that is killed and comes back gets each change once',
  async () => {
    await using kafka = await startKafka();
    await using cloud = await tailedCloud(servers().mariadbUrl, [`${kafka.host}:${kafka.port}`]);
    const tail = cloud.start({ writeTimeoutMs: 5000 });
    await tail.when((each) => each.phase === 'stream');
    const count = 300;
    const write = async (from: number, to: number) => {
      for (let id = from; id <= to; id++)
        await insertEvent(cloud.sql, { id, account_id: 2 + (id % 5) });
    };
    const writing = write(1, count - 50);
    await tail.when((each) => each.phase === 'stream' && each.changes > 0);
    await kafka.stop('SIGKILL');
    await writing;
    // Else all may have been committed before: what the broker then lost sight of, the next writer shows.
    await write(count - 49, count);
    await kafka.restart();
    await tail.whenCaughtUp();
    await tail.stop();
    const ids = (await cloud.feed()).flatMap((each) =>
      each.kind === 'usage-event' ? [Number(each.event.id)] : [],
    );
    const expected = Array.from({ length: count }, (_, i) => i + 1);
    expect(ids.toSorted((a, b) => a - b)).toEqual(expected);
    expect(await cloud.raw('usage_event')).toHaveLength(count);
  },
  90_000,
);
