import { expect, test } from 'vitest';
import { serveHealth } from '../../src/cli/health-server.ts';
import { freePort } from '../../deploy/dev/ports.ts';
import { createMetrics } from '../../src/platform/metrics.ts';

test('metrics, health and readiness are served until disposed; a process that stops or waits is not ready', async () => {
  const metrics = createMetrics();
  const stop = new AbortController();
  const address = `127.0.0.1:${await freePort()}`;
  {
    await using _server = await serveHealth(address, metrics, stop.signal);
    metrics.tailTransactions.inc(3);
    const get = (path: string) => fetch(`http://${address}${path}`);
    expect(await (await get('/metrics')).text()).toContain('tail_transactions_total 3');
    expect((await get('/healthz')).status).toBe(200);
    expect((await get('/readyz')).status).toBe(200);
    metrics.faults.note('sink', 'STORE_UNREACHABLE');
    const waiting = await get('/readyz');
    expect(waiting.status).toBe(503);
    expect(await waiting.json()).toMatchObject({
      status: 'waiting',
      faults: [{ part: 'sink', code: 'STORE_UNREACHABLE' }],
    });
    metrics.faults.clear('sink');
    expect((await get('/readyz')).status).toBe(200);
    stop.abort();
    expect((await get('/readyz')).status).toBe(503);
    expect((await get('/nothing')).status).toBe(404);
  }
  await expect(fetch(`http://${address}/healthz`)).rejects.toThrow();
});

test('a wrong or taken address is a settings fault', async () => {
  const metrics = createMetrics();
  const { signal } = new AbortController();
  await expect(serveHealth('nowhere', metrics, signal)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
  });
  const address = `127.0.0.1:${await freePort()}`;
  await using _first = await serveHealth(address, metrics, signal);
  await expect(serveHealth(address, metrics, signal)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
  });
});
