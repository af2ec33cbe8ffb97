import type { StoreReader } from '../../aggregate/store.ts';
import { openConnection } from '../../platform/mysql.ts';
import type { MysqlTarget } from '../../platform/mysql.ts';

/** Reads our schema of a generation as a worker does, with a connection of its own. */
export async function openStoreReader(
  target: MysqlTarget,
  schema: string,
  generation: number,
): Promise<StoreReader & AsyncDisposable> {
  const connection = await openConnection(target, 'STORE', { database: schema });
  return {
    generation,
    rows: async <T>(sql: string) => (await connection.query(sql))[0] as T[],
    [Symbol.asyncDispose]: () => connection.end(),
  };
}
