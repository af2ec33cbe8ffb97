import { sqlDateTime } from '../../contracts/time.ts';
import type { LineageInterval } from '../../contracts/usage-row.ts';
import { quoteName } from '../../platform/mysql.ts';
import type { Pool, RowDataPacket } from '../../platform/mysql.ts';
import type { DemoNames } from './look.ts';

/** The way of one published row back to the binlog, in words: row, intervals, events, offsets, positions. */
export async function storyOfOneRow(pool: Pool, names: DemoNames): Promise<string[]> {
  const q = (table: string) => quoteName(names.schema, table);
  // A running VM that started and stopped more than once within the window tells the most.
  const [records] = await pool.query<RowDataPacket[]>(
    `SELECT r.cloud_usage_id, r.account_id, r.usage_display, r.description, r.quantity, r.lineage,
            r.start_date, r.end_date, r.partition_id, HEX(r.record_id) AS record_id
     FROM ${q('record')} r WHERE r.usage_type = 1 AND r.cloud_usage_id IS NOT NULL
     ORDER BY JSON_LENGTH(r.lineage) DESC, r.cloud_usage_id LIMIT 1`,
  );
  const row = records[0];
  if (row === undefined) return [];
  const lineage = JSON.parse(String(row['lineage'])) as LineageInterval[];
  const ids = [...new Set(lineage.flatMap((i) => [i.openedBy, i.closedBy ?? i.openedBy]))];
  const [events] = await pool.query<RowDataPacket[]>(
    `SELECT event_id, feed_offset, body FROM ${q('event')} WHERE event_id IN (?)`,
    [ids],
  );
  const byId = new Map(events.map((e) => [String(e['event_id']), e]));
  const lines = [
    `cloud_usage row ${row['cloud_usage_id']}: account ${row['account_id']}, "${row['description']}"`,
    `  ${row['usage_display']} in ${row['start_date']} .. ${row['end_date']} GMT = ${row['quantity']} ms, record ${row['record_id']}`,
  ];
  for (const { openedBy, closedBy, beginMs, endMs, billedMs } of lineage) {
    lines.push(`  ${sqlDateTime(beginMs)} .. ${sqlDateTime(endMs)}: ${billedMs} ms`);
    for (const [what, id] of [
      ['opened by', openedBy],
      ['closed by', closedBy],
    ] as const) {
      const event = id === null ? undefined : byId.get(id);
      if (event === undefined) {
        if (what === 'closed by') lines.push('    still open at the end of the window');
        continue;
      }
      lines.push(`    ${what} event ${String(id)} ${describe(event, row, names)}`);
    }
  }
  return lines;
}

function describe(event: RowDataPacket, row: RowDataPacket, names: DemoNames): string {
  const body = JSON.parse(String(event['body'])) as {
    event: { type: string };
    origin: { file: string | null; pos: number; row: number };
  };
  return (
    `(${body.event.type}), ${names.prefix}.usage-feed[${row['partition_id']}]@${event['feed_offset']}, ` +
    `binlog ${body.origin.file ?? 'snapshot'}:${body.origin.pos} row ${body.origin.row}`
  );
}
