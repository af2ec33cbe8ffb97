import type { Connection } from '../platform/mysql.ts';
import type { BinlogPoint } from './binlog-point.ts';
import { binlogEventAt } from './last-xid.ts';

/** What a place between two transactions may be followed by, beside a GTID. */
const between = /^(Format_desc|Previous_gtids|Rotate|Stop)$/i;

/**
 * What begins at a byte of a MySQL binlog file: the GTID of a transaction; null when none does yet; or
 * 'none' when the byte lies within an event or within a transaction, so that it cannot be a place between two.
 */
export async function eventAt(
  connection: Connection,
  at: BinlogPoint,
): Promise<string | 'none' | null> {
  const next = await binlogEventAt(connection, at);
  if (next === null) return null;
  const gtid = /GTID_NEXT\s*=\s*'([^']+)'/.exec(next['Info'] ?? '')?.[1];
  return gtid ?? (between.test(next['Event_type'] ?? '') ? null : 'none');
}
