import { readLive } from '../aggregate/made-generation.ts';
import type { MadeGeneration } from '../aggregate/made-generation.ts';
import { quoteName } from '../platform/mysql.ts';
import type { Pool, RowDataPacket } from '../platform/mysql.ts';
import { sinkHostPrefix } from '../sink/sink-options.ts';

/** Whose rows a table `cloud_usage` has: a Java usage server's, or those of a generation that our sink published. */
export interface Writer {
  readonly isJava: boolean;
  /** The one that is published; null: none is, or a Java server writes. */
  readonly generation: MadeGeneration | null;
}

/**
 * Who wrote the newest windows of the live table, by the host of the newest successful job: in shadow mode, and
 * after a handback, that is a Java server.
 */
export async function writerOf(
  pool: Pool,
  schema: string,
  cloudUsageSchema: string,
): Promise<Writer> {
  const [jobs] = await pool.query<RowDataPacket[]>(
    `SELECT host FROM ${quoteName(cloudUsageSchema, 'usage_job')}
     WHERE end_millis > 0 AND success = 1 ORDER BY end_millis DESC, id DESC LIMIT 1`,
  );
  const [job] = jobs;
  if (job && !String(job['host']).startsWith(sinkHostPrefix))
    return { isJava: true, generation: null };
  return { isJava: false, generation: await readLive(pool, schema) };
}
