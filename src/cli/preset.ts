import type { Preset } from '../domain/quirks.ts';
import { checkSchema } from '../platform/migrate.ts';
import { mysqlError, openConnection, quoteName } from '../platform/mysql.ts';
import type { MysqlTarget, RowDataPacket } from '../platform/mysql.ts';

/**
 * What `auto` means here: `java-4.23` where a Java usage server has finished a job, so that nothing
 * changes for its customers; else `correct`. A generation that exists keeps its own.
 * @throws STORE_SCHEMA_*, STORE_*
 */
export async function resolvePreset(
  preset: Preset | 'auto',
  store: MysqlTarget,
  names: { schema: string; cloudUsageSchema: string; generation: string },
): Promise<Preset> {
  if (preset !== 'auto') return preset;
  const connection = await openConnection(store, 'STORE');
  try {
    await checkSchema(connection, names.schema);
    const [made] = await connection.query<RowDataPacket[]>(
      `SELECT preset FROM ${quoteName(names.schema, 'generation')} WHERE name = ?`,
      [names.generation],
    );
    const existing: unknown = made[0]?.['preset'];
    if (existing === 'java-4.23' || existing === 'correct') return existing;
    const [tables] = await connection.query<RowDataPacket[]>(
      "SELECT 1 FROM information_schema.tables WHERE table_schema = ? AND table_name = 'usage_job'",
      [names.cloudUsageSchema],
    );
    if (tables.length === 0) return 'correct';
    const [jobs] = await connection.query<RowDataPacket[]>(
      `SELECT 1 FROM ${quoteName(names.cloudUsageSchema, 'usage_job')}
       WHERE success = 1 AND host NOT LIKE 'usagestream@%' LIMIT 1`,
    );
    return jobs.length > 0 ? 'java-4.23' : 'correct';
  } catch (fault) {
    throw mysqlError(fault, store, 'STORE');
  } finally {
    connection.destroy();
  }
}
