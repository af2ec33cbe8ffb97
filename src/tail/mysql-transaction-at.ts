import type { Connection } from '../platform/mysql.ts';
import type { BinlogPoint } from './binlog-point.ts';
import { binlogEventAt } from './last-xid.ts';

/** What a place between two transactions may be followed by, beside a GTID. */
const between = /^(Format_desc|Previous_gtids|Rotate|Stop)$/i;

export interface TransactionAt {
  /** False when the byte lies within an event or within a transaction. */
  readonly canBegin: boolean;
  /** Of the transaction that begins there; null when none does yet. */
  readonly gtid: string | null;
}

/** Whether a transaction begins, or may once begin, at a byte of a MySQL binlog file. */
export async function transactionAt(
  connection: Connection,
  at: BinlogPoint,
): Promise<TransactionAt> {
  const next = await binlogEventAt(connection, at);
  const gtid = /GTID_NEXT\s*=\s*'([^']+)'/.exec(next?.['Info'] ?? '')?.[1] ?? null;
  const isEnd = next === null;
  return { canBegin: isEnd || gtid !== null || between.test(next['Event_type'] ?? ''), gtid };
}
