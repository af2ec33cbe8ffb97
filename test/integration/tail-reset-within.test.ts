import { expect, test } from 'vitest';
import { FaultProxy } from '../support/fault-proxy.ts';
import { canStartServers } from '../support/servers.ts';
import { insertEvent, tailedCloud } from '../support/tailed-cloud.ts';

const largeBytes = 20_000_000;

/** More than one packet of the protocol, which ends at 16 MB. */
test.skipIf(!canStartServers())(
  'a link that is reset within an event of 20 MB, again and again: its transaction comes whole and once',
  { timeout: 60_000 },
  async () => {
    await using cloud = await tailedCloud();
    await using link = await FaultProxy.open(cloud.target);
    const tail = cloud.start({ source: { ...cloud.target, port: link.port } });
    await tail.whenCaughtUp();
    await cloud.sql.query('CREATE TABLE other (content LONGTEXT)');
    link.set({ bytesPerSecond: 8_000_000 });
    const from = link.answered;
    await cloud.sql.query('START TRANSACTION');
    await insertEvent(cloud.sql, { id: 1 });
    await cloud.sql.query("INSERT INTO other VALUES (REPEAT('x', ?))", [largeBytes]);
    await insertEvent(cloud.sql, { id: 2 });
    await cloud.sql.query('COMMIT');
    // In the first packet, and in the second one of what comes anew.
    for (const bytes of [largeBytes / 2, (largeBytes / 2) * 2.8]) {
      await expect
        .poll(() => link.answered, { timeout: 20_000, interval: 20 })
        .toBeGreaterThan(from + bytes);
      link.reset();
    }
    link.set({});
    await insertEvent(cloud.sql, { id: 3 });
    await tail.whenCaughtUp();
    await tail.stop();
    expect(link.answered).toBeGreaterThan(from + 2 * largeBytes);
    const ids = (await cloud.feed()).flatMap((each) =>
      each.kind === 'usage-event' ? [each.event.id] : [],
    );
    expect(ids).toEqual(['1', '2', '3']);
    expect(await cloud.raw('usage_event')).toHaveLength(3);
  },
);
