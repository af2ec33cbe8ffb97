import type { Connection } from 'mysql2/promise';
import { expect } from 'vitest';

/** Purges every binlog file but a new one; a reader that just left may hold one for a while. */
export async function purgeBinlogs(sql: Connection): Promise<void> {
  await sql.query('FLUSH BINARY LOGS');
  const [status] = await sql.query('SHOW MASTER STATUS');
  const { File: file } = (status as { File: string }[])[0]!;
  const oldest = async () => {
    await sql.query(`PURGE BINARY LOGS TO '${file}'`);
    const [logs] = await sql.query('SHOW BINARY LOGS');
    return (logs as { Log_name: string }[])[0]?.Log_name;
  };
  await expect.poll(oldest, { timeout: 30_000 }).toBe(file);
}
