import type { RowData, UpdateRowData } from '@vlasky/zongji';
import type { RowImage } from '../contracts/change-event.ts';
import type { RowsEvent } from './binlog-tables.ts';
import type { OpenTransaction } from './open-transaction.ts';
import type { TableLayout } from './table-layout.ts';

export type RowsOp = 'c' | 'u' | 'd';

/** Adds the rows of an event that are captured to the changes of their transaction. */
export function addRows(
  txn: OpenTransaction,
  event: RowsEvent,
  op: RowsOp,
  layout: TableLayout,
  file: string,
): void {
  const { commitUs, thread, gtid, serverId, lastPos } = txn;
  const { timestamp } = event;
  const eventMs = commitUs === null ? timestamp : Math.floor(commitUs / 1000);
  const { only } = layout.table;
  for (let row = 0; row < event.rows.length; row++) {
    const image = event.rows[row]!;
    const before = op === 'u' ? (image as UpdateRowData).before : op === 'd' ? image : null;
    const after = op === 'u' ? (image as UpdateRowData).after : op === 'c' ? image : null;
    if (only && !only.values.has(String(((after ?? before) as RowData)[only.column]))) continue;
    txn.changes.push({
      db: layout.db,
      table: layout.table.name,
      layout,
      op,
      before: before as RowImage | null,
      after: after as RowImage | null,
      position: { gtid, file, pos: lastPos, row },
      serverId,
      commitMs: timestamp,
      eventMs,
      eventUs: commitUs,
      thread,
      snapshot: 'false',
    });
  }
}
