import { mysqlCode } from '../platform/mysql.ts';
import type { Connection } from '../platform/mysql.ts';
import type { BinlogPoint } from './binlog-point.ts';
import type { LastXid } from './position.ts';
import { firstRow } from './first-row.ts';

/** Bytes of a commit event, with checksum and without. */
const xidEventBytes = [31, 27];

/** What the server has at a byte of a file: null at its end, nothing in it where no event begins. */
export async function binlogEventAt(
  connection: Connection,
  at: BinlogPoint,
): Promise<Readonly<Record<string, string | null>> | null> {
  try {
    const event = await firstRow(connection, 'SHOW BINLOG EVENTS IN ? FROM ? LIMIT 1', [
      at.file,
      at.pos,
    ]);
    return event ?? null;
  } catch (error) {
    if (mysqlCode(error) === 'ER_ERROR_WHEN_EXECUTING_COMMAND') return {};
    throw error;
  }
}

/** Of the transaction that ends at a place; null when it ended without a commit event, or none did. */
export async function lastXidBefore(
  connection: Connection,
  end: BinlogPoint,
): Promise<LastXid | null> {
  for (const bytes of xidEventBytes) {
    const pos = end.pos - bytes;
    const event = pos > 4 ? await binlogEventAt(connection, { file: end.file, pos }) : null;
    const xid = xidOf(event?.['Info']);
    if (xid !== null && Number(event?.['End_log_pos']) === end.pos % 2 ** 32) return { pos, xid };
  }
  return null;
}

/** Whether that commit is still where it was in the file. */
export async function compareLastXid(
  connection: Connection,
  file: string,
  last: LastXid | null,
): Promise<'same' | 'differs' | 'unknown'> {
  if (last === null) return 'unknown';
  const event = await binlogEventAt(connection, { file, pos: last.pos });
  return xidOf(event?.['Info']) === last.xid ? 'same' : 'differs';
}

const xidOf = (info: string | null | undefined): string | null =>
  /\bxid=(\d+)/i.exec(info ?? '')?.[1] ?? null;
