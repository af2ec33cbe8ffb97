import { fileURLToPath } from 'node:url';
import { createPipeline } from '../../src/cli/demo/pipeline.ts';
import type { Pipeline } from '../../src/cli/demo/pipeline.ts';
import { quoteName } from '../../src/platform/mysql.ts';
import { mysqlUrl } from '../support/mysql.ts';
import { runStage, untilArgs } from '../support/stages.ts';
import type { BenchOptions } from './bench-servers.ts';
import { measure } from './measure.ts';
import type { BenchResult } from './result-table.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const startMs = Date.UTC(2026, 0, 1);
const dayMs = 86_400_000;
/** Of the baseline: what the process takes before any row matters. */
const fewRows = 1000;
/** The promise: what a transaction may cost, however large. */
const maxGrowthMb = 128;

/** Where the transaction is written, and how. */
export const largeFlavours = ['mariadb', 'mysql', 'mysql-compressed'] as const;
export type LargeFlavour = (typeof largeFlavours)[number];

/**
 * One source transaction of many rows, which must not be held in memory. The baseline is the same with a
 * thousand rows: the difference of the peaks is what the size of the transaction costs. Too much of it makes
 * the exit code 1.
 */
export async function benchLarge(options: BenchOptions): Promise<BenchResult[]> {
  const { kafka, events, flavour, say } = options;
  const mariadbUrl = flavour === 'mariadb' ? options.mariadbUrl : await mysqlUrl();
  if (mariadbUrl === undefined) throw new Error('no MySQL here');
  const env = { USAGESTREAM_SOURCE: mariadbUrl, USAGESTREAM_LOG: `kafka://${kafka}` };
  const results: BenchResult[] = [];
  for (const rows of [fewRows, events]) {
    await using pipeline = await createPipeline({ mariadbUrl, kafka });
    await runStage(pipeline, 'tail', ...untilArgs(startMs - dayMs));
    say(`one transaction of ${rows} rows (${flavour})`);
    await insertAtOnce(pipeline, rows, flavour);
    const until = untilArgs(startMs + 3660 * dayMs);
    const { wallMs, cpuMs, peakMb } = await measure(main, pipeline.args('tail', until), env);
    results.push({
      ...{
        bench: 'large',
        what: `tail, one transaction of ${rows}, ${flavour}`,
        units: rows,
        unit: 'events',
      },
      ...{ baseline: rows === fewRows, wallMs, cpuMs, peakMb },
    });
  }
  const [few, many] = results;
  const growthMb = Math.round((many?.peakMb ?? 0) - (few?.peakMb ?? 0));
  say(`growth: ${growthMb} MB of ${maxGrowthMb} MB`);
  if (growthMb > maxGrowthMb) process.exitCode = 1;
  return results;
}

async function insertAtOnce(
  { pool, names }: Pipeline,
  wanted: number,
  flavour: LargeFlavour,
): Promise<void> {
  const rows = Math.trunc(wanted);
  const digits = Array.from({ length: 10 }, (_, digit) => `SELECT ${digit} n`).join(' UNION ALL ');
  const places = Array.from({ length: String(rows).length }, (_, place) => `d${place}`);
  const n = places.map((place, power) => `${place}.n * ${10 ** power}`).join(' + ');
  await using connection = await pool.getConnection();
  if (flavour === 'mysql-compressed')
    await connection.query('SET SESSION binlog_transaction_compression = ON');
  await connection.query(
    `INSERT INTO ${quoteName(names.cloudSchema, 'usage_event')}
       (type, account_id, created, zone_id, resource_id, resource_name, offering_id, template_id, size)
     SELECT 'VOLUME.CREATE', 2 + seq MOD 500, '2026-01-01 00:00:00' + INTERVAL seq MOD 86400 SECOND,
       1, seq, CONCAT('volume-', seq), 5, NULL, 10737418240
     FROM (SELECT ${n} seq FROM ${places.map((place) => `(${digits}) ${place}`).join(', ')}) numbers
     WHERE seq < ${rows}`,
  );
}
