import { requireGeneration } from '../../aggregate/made-generation.ts';
import type { MadeGeneration } from '../../aggregate/made-generation.ts';
import { quoteName } from '../../platform/mysql.ts';
import type { Pool, RowDataPacket } from '../../platform/mysql.ts';
import { writerOf } from '../written-by.ts';

/**
 * The generation that was handed back last, when no Java server has billed anything since: a takeover then undoes
 * the handback, and goes on by its rules. Null: there is none.
 */
export async function handedBack(
  pool: Pool,
  schema: string,
  cloudUsageSchema: string,
): Promise<MadeGeneration | null> {
  const [rows] = await pool.query<RowDataPacket[]>(
    `SELECT g.name FROM ${quoteName(schema, 'handover')} AS h
     JOIN ${quoteName(schema, 'generation')} AS g ON g.id = h.generation
     WHERE h.kind = 'handback' ORDER BY h.id DESC LIMIT 1`,
  );
  const [row] = rows;
  if (!row || (await writerOf(pool, schema, cloudUsageSchema)).isJava) return null;
  return requireGeneration(pool, schema, String(row['name']));
}
