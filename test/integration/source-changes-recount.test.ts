import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createPipeline } from '../../src/cli/demo/pipeline.ts';
import { openConnection } from '../../src/platform/mysql.ts';
import type { Connection } from '../../src/platform/mysql.ts';
import { plan } from '../../src/simulate/plan.ts';
import { play } from '../../src/simulate/play.ts';
import { recount } from '../../src/simulate/recount.ts';
import { readSourceStatus } from '../../src/tail/source-state.ts';
import { killTailWhen } from '../support/killable-tail.ts';
import { canStartMariaDb, servers, startMariaDb } from '../support/servers.ts';
import { purgeBinlogs } from '../support/purge-binlogs.ts';
import type { LocalServer } from '../support/servers.ts';
import { runStage, runStages, untilArgs } from '../support/stages.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const hour = 3_600_000;
const startMs = Date.UTC(2026, 2, 1);
const untilMs = startMs + 48 * hour;

describe.skipIf(!canStartMariaDb())('through the whole pipeline', () => {
  let server: LocalServer;
  beforeAll(async () => {
    server = await startMariaDb({ settings: { innodb_buffer_pool_size: '64M' } });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test.each([
    { change: 'the binlog was purged', spoil: purgeBinlogs, kills: 0 },
    { change: 'it was reset, and the healing killed', spoil: reset, kills: 1 },
  ])('every row as counted again when $change', async ({ spoil, kills }) => {
    const kafka = servers().kafkaBrokers.join(',');
    await using pipeline = await createPipeline({ mariadbUrl: server.url, kafka, partitions: 3 });
    const { target, names } = pipeline;
    const all = [...plan({ seed: 7, startMs, days: 2.03, zones: 2, accounts: 4, vms: 60 })];
    const part = (fromMs: number, toMs: number) =>
      play(
        all.filter(({ commitMs }) => commitMs >= fromMs && commitMs < toMs),
        {
          target,
          cloudSchema: names.cloudSchema,
          pace: 'history',
          signal: new AbortController().signal,
        },
      );
    // An hour into the second window: it is open, and what is healed belongs into it.
    const lostMs = startMs + 25 * hour;
    const foundMs = startMs + 40 * hour;
    expect((await part(0, lostMs)).events).toBeGreaterThan(0);
    await runStage(pipeline, 'tail', ...untilArgs(startMs + 24 * hour));
    expect((await part(lostMs, foundMs)).events).toBeGreaterThan(20);
    const sql = await openConnection(target, 'SOURCE');
    try {
      await spoil(sql);
      for (let n = 0; n < kills; n++)
        await killTailWhen(
          {
            source: target,
            cloudSchema: names.cloudSchema,
            prefix: names.prefix,
            feedPartitions: 3,
            raw: true,
            clock: 'source',
            closeDelayMs: hour / 4,
            snapshotChunkRows: 20,
            sessionTimeoutMs: 2000,
          },
          (p) => p.phase === 'heal' && p.rows > 30,
        );
      await part(foundMs, Infinity);
      const until = untilArgs(untilMs);
      await runStages(pipeline, [
        ['tail', ...until],
        ['aggregate', ...until],
        ['sink', ...until],
      ]);
      const { signal } = new AbortController();
      const { position } = await readSourceStatus(pipeline.log, names.prefix, signal);
      expect(position?.healed?.newIncarnation).toBe(false);
      const counted = { ...names, fromMs: startMs, untilMs, rangeMinutes: 1440 };
      const result = await recount(sql, counted);
      expect(result.expected).toBeGreaterThan(100);
      expect(result).toMatchObject({
        ...{ missing: 0, surplus: 0, different: 0, duplicates: 0, examples: [] },
      });
    } finally {
      sql.destroy();
    }
  });
});

const reset = (sql: Connection): Promise<unknown> => sql.query('RESET MASTER');
