import type { EventLog } from '../../platform/log/log.ts';
import { quoteName } from '../../platform/mysql.ts';
import type { Pool, RowDataPacket } from '../../platform/mysql.ts';

/** Where the demo put its things. */
export interface DemoNames {
  readonly cloudSchema: string;
  readonly cloudUsageSchema: string;
  readonly schema: string;
  readonly prefix: string;
}

/** One look at the whole pipeline, for the live table. */
export interface Look {
  /** Rows of cloud.usage_event. */
  readonly inserted: number;
  readonly stored: number;
  readonly lagRecords: number;
  readonly watermarkMs: number | null;
  readonly windows: number;
  readonly deadLetters: number;
  readonly rowsByType: ReadonlyMap<number, number>;
}

const number = (value: unknown): number => Number(value ?? 0);

export async function takeLook(pool: Pool, log: EventLog, names: DemoNames): Promise<Look> {
  const q = (table: string) => quoteName(names.schema, table);
  const [[totals], [types], ends] = await Promise.all([
    pool.query<RowDataPacket[]>(
      `SELECT (SELECT COUNT(*) FROM ${quoteName(names.cloudSchema, 'usage_event')}) AS inserted,
              (SELECT COUNT(*) FROM ${q('event')}) AS stored,
              (SELECT SUM(next_offset) FROM ${q('progress')}) AS consumed,
              (SELECT MIN(watermark_ms) FROM ${q('progress')}) AS watermark_ms,
              (SELECT COUNT(*) FROM ${q('published_window')}) AS windows,
              (SELECT COUNT(*) FROM ${q('dead_letter')}) AS dead_letters`,
    ),
    pool.query<RowDataPacket[]>(
      `SELECT usage_type, COUNT(*) AS n
       FROM ${quoteName(names.cloudUsageSchema, 'cloud_usage')} GROUP BY usage_type`,
    ),
    log.offsets(`${names.prefix}.usage-feed`),
  ]);
  const row: Readonly<Record<string, unknown>> = totals[0] ?? {};
  const written = ends.reduce((sum, p) => sum + p.next, 0);
  return {
    inserted: number(row['inserted']),
    stored: number(row['stored']),
    lagRecords: Math.max(0, written - number(row['consumed'])),
    watermarkMs: row['watermark_ms'] === null ? null : number(row['watermark_ms']),
    windows: number(row['windows']),
    deadLetters: number(row['dead_letters']),
    rowsByType: new Map(types.map((t) => [number(t['usage_type']), number(t['n'])])),
  };
}
