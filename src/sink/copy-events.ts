import type { EpochMs, Window } from '../contracts/time.ts';
import { quoteName } from '../platform/mysql.ts';
import type { HelperContext } from './write-helpers.ts';

/** Columns of usage_event that the feed record of an event has under another name. */
const own = [
  { name: 'type', type: 'VARCHAR(255) CHARACTER SET utf8mb4', path: 'type' },
  { name: 'zone_id', type: 'DECIMAL(20,0)', path: 'zoneId' },
  { name: 'resource_id', type: 'DECIMAL(20,0)', path: 'resourceId' },
  { name: 'resource_name', type: 'VARCHAR(255) CHARACTER SET utf8mb4', path: 'resourceName' },
  { name: 'offering_id', type: 'DECIMAL(20,0)', path: 'offeringId' },
  { name: 'template_id', type: 'DECIMAL(20,0)', path: 'templateId' },
  { name: 'size', type: 'DECIMAL(20,0)', path: 'size' },
  { name: 'resource_type', type: 'VARCHAR(255) CHARACTER SET utf8mb4', path: 'resourceType' },
  { name: 'virtual_size', type: 'DECIMAL(20,0)', path: 'virtualSize' },
  { name: 'vm_id', type: 'DECIMAL(20,0)', path: 'vmId' },
] as const;

const columns = own.map(({ name }) => quoteName(name)).join(', ');
const values = own.map(({ name }) => `v.${quoteName(name)}`).join(', ');
const content = `JSON_TABLE(e.body, '$.event' COLUMNS (${own
  .map(({ name, type, path }) => `${quoteName(name)} ${type} PATH '$.${path}'`)
  .join(', ')})) AS v`;
const created = `TIMESTAMPADD(SECOND, e.created_ms DIV 1000, '1970-01-01')`;

const detail = '(id, usage_event_id, name, value)';

/**
 * Copies events with their details, as a Java usage server does that has run for this window: those that
 * were folded are processed; those of later windows whose ids lie below are there too, not processed,
 * because such a server only ever copies events above the highest id that it finds.
 *
 * @returns events that were folded
 */
export async function copyEvents(context: HelperContext, window: Window): Promise<number> {
  const { work, t, generation } = context;
  const events = quoteName(context.cloudUsageSchema, 'usage_event');
  const details = quoteName(context.cloudUsageSchema, 'usage_event_details');
  const highest = async () =>
    String((await work.row(`SELECT COALESCE(MAX(id), 0) AS id FROM ${events}`))?.['id'] ?? 0);
  const folded = `${t.helperChange} AS c STRAIGHT_JOIN JSON_TABLE(c.body, '$[*]' COLUMNS (
      created_ms BIGINT PATH '$[0]', event_id BIGINT UNSIGNED PATH '$[1]',
      incarnation INT UNSIGNED PATH '$[2]')) AS l`;
  const isFolded = `c.generation = ? AND c.window_start_ms <= ? AND c.table_name = 'usage_event'`;
  const ofWindow = [generation, window.startMs];
  const listed = await work.row(
    `SELECT SUM(JSON_LENGTH(c.body)) AS n FROM ${t.helperChange} AS c WHERE ${isFolded}`,
    ofWindow,
  );
  const count = Number(listed?.['n'] ?? 0);
  if (count === 0) return 0;
  const copied = await highest();
  const added = await work.run(
    `INSERT IGNORE INTO ${events} (id, account_id, created, processed, ${columns})
     SELECT e.event_id, e.account_id, ${created}, 1, ${values}
     FROM ${folded} STRAIGHT_JOIN ${t.event} AS e ON e.generation = c.generation
       AND e.account_id = c.account_id AND e.created_ms = l.created_ms
       AND e.event_id = l.event_id AND e.incarnation = l.incarnation
     STRAIGHT_JOIN ${content}
     WHERE ${isFolded} ORDER BY e.event_id`,
    ofWindow,
  );
  // Those that an earlier window left, or a Java server had copied before it was stopped.
  if (added.matched < count)
    await work.run(
      `UPDATE ${folded} STRAIGHT_JOIN ${events} AS u ON u.id = l.event_id
       SET u.processed = 1 WHERE ${isFolded} AND u.processed = 0`,
      ofWindow,
    );
  await work.run(
    `INSERT IGNORE INTO ${details} ${detail}
     SELECT d.detail_id, d.event_id, d.name, d.value
     FROM ${folded} STRAIGHT_JOIN ${t.eventDetail} AS d ON d.generation = c.generation
       AND d.account_id = c.account_id AND d.event_id = l.event_id AND d.incarnation = l.incarnation
     WHERE ${isFolded} ORDER BY d.detail_id`,
    ofWindow,
  );
  const upTo = await highest();
  await copyWaiting(context, { above: copied, below: upTo, fromMs: window.endMs });
  return count;
}

/** Ids above the first and below the second, of events created from then on. */
export interface WaitingEvents {
  readonly above: string;
  readonly below: string;
  readonly fromMs: EpochMs;
}

/** Copies events that no window has folded yet, not processed, with their details. @returns how many were missing */
export async function copyWaiting(
  { work, t, generation, cloudUsageSchema }: HelperContext,
  { above, below, fromMs }: WaitingEvents,
): Promise<number> {
  const events = quoteName(cloudUsageSchema, 'usage_event');
  const details = quoteName(cloudUsageSchema, 'usage_event_details');
  const waiting = `${t.event} AS e FORCE INDEX (identity)`;
  const isWaiting = `e.generation = ? AND e.event_id > CAST(? AS UNSIGNED)
    AND e.event_id < CAST(? AS UNSIGNED) AND e.created_ms >= ?`;
  const early = [generation, above, below, fromMs];
  const left = await work.run(
    `INSERT IGNORE INTO ${events} (id, account_id, created, processed, ${columns})
     SELECT e.event_id, e.account_id, ${created}, 0, ${values}
     FROM ${waiting} STRAIGHT_JOIN ${content}
     WHERE ${isWaiting} ORDER BY e.event_id`,
    early,
  );
  if (left.matched > 0)
    await work.run(
      `INSERT IGNORE INTO ${details} ${detail}
       SELECT d.detail_id, d.event_id, d.name, d.value
       FROM ${waiting} STRAIGHT_JOIN ${t.eventDetail} AS d ON d.generation = e.generation
         AND d.account_id = e.account_id AND d.event_id = e.event_id
         AND d.incarnation = e.incarnation
       WHERE ${isWaiting} ORDER BY d.detail_id`,
      early,
    );
  return left.matched;
}

/** Copies every event created before an instant, processed, with its details: what is folded by then. */
export async function copyAllEvents(
  { work, t, generation, cloudUsageSchema }: HelperContext,
  untilMs: EpochMs,
): Promise<void> {
  const events = quoteName(cloudUsageSchema, 'usage_event');
  const details = quoteName(cloudUsageSchema, 'usage_event_details');
  const isOld = 'e.generation = ? AND e.created_ms < ?';
  await work.run(
    `INSERT IGNORE INTO ${events} (id, account_id, created, processed, ${columns})
     SELECT e.event_id, e.account_id, ${created}, 1, ${values}
     FROM ${t.event} AS e STRAIGHT_JOIN ${content} WHERE ${isOld} ORDER BY e.event_id`,
    [generation, untilMs],
  );
  await work.run(
    `UPDATE ${events} AS u STRAIGHT_JOIN ${t.event} AS e ON e.event_id = u.id
     SET u.processed = 1 WHERE u.processed = 0 AND ${isOld}`,
    [generation, untilMs],
  );
  await work.run(
    `INSERT IGNORE INTO ${details} ${detail}
     SELECT d.detail_id, d.event_id, d.name, d.value
     FROM ${t.event} AS e STRAIGHT_JOIN ${t.eventDetail} AS d ON d.generation = e.generation
       AND d.account_id = e.account_id AND d.event_id = e.event_id AND d.incarnation = e.incarnation
     WHERE ${isOld} ORDER BY d.detail_id`,
    [generation, untilMs],
  );
}
