import type { Connection, RowDataPacket } from '../platform/mysql.ts';

/** First row of a query, columns as text or null. @throws what the server said. */
export async function firstRow(
  connection: Connection,
  sql: string,
  values: readonly unknown[] = [],
): Promise<Readonly<Record<string, string | null>> | undefined> {
  const [rows] = await connection.query<RowDataPacket[]>(sql, [...values]);
  const row = rows[0];
  return row && textRow(row);
}

/** Columns as text or null. */
export const textRow = (row: RowDataPacket): Readonly<Record<string, string | null>> =>
  Object.fromEntries(
    Object.entries(row).map(([key, value]) => [key, value === null ? null : String(value)]),
  );
