import { sqlDateTime } from '../../contracts/time.ts';
import { quirks } from '../../domain/quirks.ts';
import type { ExplainedEvent, ExplainedInterval, Explanation } from './explain-row.ts';

/** An explanation for a person, line by line: the row, its sum, and the way of each part to the binlog. */
export function explanationText(of: Explanation): string[] {
  const { row, unit } = of;
  const id = row['cloud_usage_id'];
  const lines = [
    `${id === null ? 'row that is in no table of CloudStack' : `cloud_usage row ${id}`}: account ${row['account_id']}, usage type ${row['usage_type']}, "${row['description']}"`,
    `  window ${time(row['window_start_ms'])} .. ${time(row['window_end_ms'])} GMT, generation ${of.generation}, record ${of.recordId}`,
    `  ${row['usage_display']} = ${of.quantity} ${unit}`,
    ...sumLines(of),
    ...of.intervals.flatMap((interval) => intervalLines(interval, unit)),
    ...of.counters.map(
      ({ kind, feed, body }) =>
        `  statistics row of ${kind}, newest content at ${feed}: ${JSON.stringify((body as { counter?: unknown }).counter)}`,
    ),
    ...of.corrections.map(
      (c) =>
        `  correction ${c.id} (${c.action}, ${c.reason}) ${c.role}: window of ${time(c.wrongedWindowMs)}, ${c.oldQuantity} -> ${c.newQuantity} (${c.delta}), ` +
        `made by the close of the window of ${time(c.madeInWindowMs)}, events ${c.events.join(', ')}`,
    ),
  ];
  if (of.correctedQuantity !== of.quantity)
    lines.push(`  with its corrections: ${of.correctedQuantity} ${unit}`);
  for (const name of of.quirks ?? [])
    lines.push(`  quirk ${name}: ${quirks[name].java}; without it this row would be another`);
  for (const { code, eventId, facts } of of.anomalies)
    lines.push(`  anomaly ${code} of event ${eventId}: ${JSON.stringify(facts)}`);
  return lines;
}

function sumLines({ intervals, intervalSum, quantity, unit, row }: Explanation): string[] {
  if (intervalSum === null)
    return row['kind'] === 'usage'
      ? ['  a total: what the statistics rows below had grown by when the window closed']
      : [];
  const parts = intervals.map(({ billedMs }) => billedMs).join(' + ');
  const count = `${intervals.length} interval${intervals.length === 1 ? '' : 's'}`;
  const sum = `  ${count}: ${parts} = ${intervalSum}`;
  // Of a kind that counts NICs or joins overlapping spans, the sum is not the quantity.
  return [intervalSum === quantity ? sum : `${sum}; billed as ${quantity} ${unit}`];
}

function intervalLines(interval: ExplainedInterval, unit: string): string[] {
  const { beginMs, endMs, billedMs, openedBy, closedBy, opening, closing } = interval;
  return [
    `  ${sqlDateTime(beginMs)} .. ${sqlDateTime(endMs)}: ${billedMs} ${unit}`,
    opening
      ? `    opened by ${eventText(opening)}`
      : `    opened by event ${openedBy}, which is not held: it lies before the history of this generation`,
    closedBy === null
      ? '    still open at the end of the window'
      : closing
        ? `    closed by ${eventText(closing)}`
        : `    closed by event ${closedBy}, which is not held`,
  ];
}

function eventText({ id, type, createdMs, feed, origin, late, details }: ExplainedEvent): string {
  const place = origin.snapshot
    ? `read by the first snapshot at ${origin.file ?? '?'}:${origin.pos}`
    : `binlog ${origin.file ?? '?'}:${origin.pos} row ${origin.row}${origin.gtid === null ? '' : `, gtid ${origin.gtid}`}`;
  const more = details.map(({ name, value }) => `${name}=${value}`).join(' ');
  return (
    `event ${id} (${type}) of ${sqlDateTime(createdMs)}${late ? ', late' : ''}, ` +
    `${feed.topic}[${feed.partition}]@${feed.offset}, ${place}${more === '' ? '' : `, details ${more}`}`
  );
}

const time = (ms: string | number | null | undefined): string => sqlDateTime(Number(ms));
