import { randomBytes } from 'node:crypto';
import { openConnection, quoteName } from '../platform/mysql.ts';
import type { MysqlTarget, Pool, RowDataPacket } from '../platform/mysql.ts';
import { dropGeneration } from './drop-generation.ts';

/** Names for generations that are dropped when they were looked at. */
export interface TemporaryNames extends AsyncDisposable {
  /** @param kind For whom reads `generations list`. */
  next(kind: 'step' | 'replay'): string;
}

const form = '^(step|replay)[.][0-9a-f]{12}[.][0-9]+$';
/** A named lock of the server; MySQL allows 64 characters. */
const lockOf = (token: string): string => `usagestream.temporary.${token}`;

/**
 * Drops temporary generations whose process is gone, and names new ones. Each process holds a named lock of the
 * server as long as it lives, so that one that was killed is known at once and one that works for hours is left alone.
 *
 * @throws STORE_*
 */
export async function openTemporaryNames(
  pool: Pool,
  schema: string,
  target: MysqlTarget,
): Promise<TemporaryNames> {
  const token = randomBytes(6).toString('hex');
  const connection = await openConnection(target, 'STORE');
  // It says nothing for as long as the folds take; when it is lost, so is the lock, and no more than that.
  connection.on('error', () => {});
  let count = 0;
  try {
    await connection.query('SET SESSION wait_timeout = 604800');
    await connection.query('DO GET_LOCK(?, 0)', [lockOf(token)]);
    await dropAbandoned(pool, schema);
  } catch (error) {
    connection.destroy();
    throw error;
  }
  return {
    next: (kind) => `${kind}.${token}.${(count += 1)}`,
    async [Symbol.asyncDispose]() {
      await connection.end().catch(() => connection.destroy());
    },
  };
}

async function dropAbandoned(pool: Pool, schema: string): Promise<void> {
  const [rows] = await pool.query<RowDataPacket[]>(
    `SELECT id, name FROM ${quoteName(schema, 'generation')} WHERE name REGEXP ?`,
    [form],
  );
  for (const row of rows) {
    const [, token = ''] = String(row['name']).split('.');
    const [[lock]] = await pool.query<RowDataPacket[]>('SELECT IS_FREE_LOCK(?) AS free', [
      lockOf(token),
    ]);
    if (Number(lock?.['free']) === 1) await dropGeneration(pool, schema, Number(row['id']));
  }
}
