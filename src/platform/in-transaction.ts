import type { PoolConnection } from 'mysql2/promise';
import type { Pool } from './mysql.ts';

/**
 * All or nothing of the work, on a connection of its own.
 *
 * @param isolation Of this transaction; else as the server has it.
 */
export async function inTransaction<T>(
  pool: Pool,
  work: (connection: PoolConnection) => Promise<T>,
  isolation?: 'READ COMMITTED',
): Promise<T> {
  const connection = await pool.getConnection();
  try {
    if (isolation) await connection.query(`SET TRANSACTION ISOLATION LEVEL ${isolation}`);
    await connection.beginTransaction();
    const result = await work(connection);
    await connection.commit();
    return result;
  } catch (error) {
    await connection.rollback();
    throw error;
  } finally {
    connection.release();
  }
}
