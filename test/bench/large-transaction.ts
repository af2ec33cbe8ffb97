import { fileURLToPath } from 'node:url';
import { createPipeline } from '../../src/cli/demo/pipeline.ts';
import type { Pipeline } from '../../src/cli/demo/pipeline.ts';
import { quoteName } from '../../src/platform/mysql.ts';
import { runStage, untilArgs } from '../support/stages.ts';
import type { BenchOptions } from './bench-servers.ts';
import { measure } from './measure.ts';
import type { BenchResult } from './result-table.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const startMs = Date.UTC(2026, 0, 1);
const dayMs = 86_400_000;
/** Of the baseline: what the process takes before any row matters. */
const fewRows = 1000;

/**
 * One source transaction of many rows, which must not be held in memory. The baseline is the same with a
 * thousand rows: the difference of the peaks is what the size of the transaction costs.
 */
export async function benchLarge(options: BenchOptions): Promise<BenchResult[]> {
  const { mariadbUrl, kafka, events, say } = options;
  const env = { USAGESTREAM_SOURCE: mariadbUrl, USAGESTREAM_LOG: `kafka://${kafka}` };
  const results: BenchResult[] = [];
  for (const rows of [fewRows, events]) {
    await using pipeline = await createPipeline({ mariadbUrl, kafka });
    await runStage(pipeline, 'tail', ...untilArgs(startMs - dayMs));
    say(`one transaction of ${rows} rows`);
    await insertAtOnce(pipeline, rows);
    const until = untilArgs(startMs + 3660 * dayMs);
    const { wallMs, cpuMs, peakMb } = await measure(main, pipeline.args('tail', until), env);
    results.push({
      ...{ bench: 'large', what: `tail, one transaction of ${rows}`, units: rows, unit: 'events' },
      ...{ baseline: rows === fewRows, wallMs, cpuMs, peakMb },
    });
  }
  const [few, many] = results;
  say(`growth: ${Math.round((many?.peakMb ?? 0) - (few?.peakMb ?? 0))} MB`);
  return results;
}

async function insertAtOnce({ pool, names }: Pipeline, rows: number): Promise<void> {
  await pool.query(
    `INSERT INTO ${quoteName(names.cloudSchema, 'usage_event')}
       (type, account_id, created, zone_id, resource_id, resource_name, offering_id, template_id, size)
     SELECT 'VOLUME.CREATE', 2 + seq MOD 500, '2026-01-01 00:00:00' + INTERVAL seq MOD 86400 SECOND,
       1, seq, CONCAT('volume-', seq), 5, NULL, 10737418240
     FROM ${quoteName(names.cloudSchema)}.seq_1_to_${Math.trunc(rows)}`,
  );
}
