import { openConnection, quoteName } from '../../src/platform/mysql.ts';
import type { MysqlTarget, RowDataPacket } from '../../src/platform/mysql.ts';

/** What the recount reads of a cloud. */
const tables = ['usage_event', 'usage_event_details', 'account'];
const rowsAtOnce = 1000;

/** Copies a cloud beside the rows that were made of it on another server, where both are counted. */
export async function copyCloud(from: MysqlTarget, to: MysqlTarget, schema: string): Promise<void> {
  const source = await openConnection(from, 'SOURCE');
  const store = await openConnection(to, 'STORE');
  try {
    // A cloud has rows that point at others which are not copied.
    await store.query('SET SESSION foreign_key_checks = 0');
    for (const table of tables.map((name) => quoteName(schema, name))) {
      await store.query(`DELETE FROM ${table}`);
      const [rows] = await source.query<RowDataPacket[]>(`SELECT * FROM ${table}`);
      for (let at = 0; at < rows.length; at += rowsAtOnce) {
        const some = rows.slice(at, at + rowsAtOnce);
        const columns = Object.keys(some[0]!);
        const names = columns.map((name) => quoteName(name)).join(', ');
        await store.query(`INSERT INTO ${table} (${names}) VALUES ?`, [
          some.map((row) => columns.map((name) => row[name] as unknown)),
        ]);
      }
    }
  } finally {
    await Promise.all([source.end(), store.end()]);
  }
}
