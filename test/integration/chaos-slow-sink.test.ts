import { expect, test } from 'vitest';
import { createPipeline } from '../../src/cli/demo/pipeline.ts';
import { LivingCloud, rangeMinutes } from '../chaos/living-cloud.ts';
import { grown, slowSink } from '../chaos/slow-sink.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { servers } from '../support/servers.ts';

test(
  'a store that is slow for a while costs time and no row, and memory stays flat',
  { timeout: 120_000 },
  async () => {
    const { mariadbUrl, kafkaBrokers } = servers();
    const kafka = kafkaBrokers.join(',');
    const options = { partitions: 2, rangeMinutes, sessionTimeout: '4s' };
    await using pipeline = await createPipeline({ mariadbUrl, kafka, ...options });
    const { target, names } = pipeline;
    const cloud = new LivingCloud({ target, ...names, seed: 40, vms: 40 });
    await using link = await FaultProxy.open(target);
    const store = new URL(mariadbUrl);
    store.port = String(link.port);
    const result = await slowSink({
      ...{ pipeline, cloud, seconds: 8, hours: 40 },
      env: () => ({
        USAGESTREAM_SOURCE: mariadbUrl,
        USAGESTREAM_SINK: store.href,
        USAGESTREAM_LOG: `kafka://${kafka}`,
      }),
      slow: (isSlow) => link.set(isSlow ? { latencyMs: 100, bytesPerSecond: 20_000 } : {}),
    });
    expect(result).toMatchObject({ lost: 0, doubled: 0, wrong: 0 });
    expect(result.compared).toBeGreaterThan(1000);
    // It was slow enough to be behind.
    expect(result.behind.records).toBeGreaterThan(200);
    expect(result.behind.windows).toBeGreaterThan(20);
    expect(grown(result)).toEqual([]);
  },
);
