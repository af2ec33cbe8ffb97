import { expect } from 'vitest';
import { contentHash } from '../../src/platform/content-hash.ts';
import { quoteName } from '../../src/platform/mysql.ts';
import type { Connection, RowDataPacket } from '../../src/platform/mysql.ts';
import { rowHash } from '../../src/tail/event-content.ts';
import { incarnationOf } from '../../src/tail/incarnations.ts';
import { readSourceStatus } from '../../src/tail/source-state.ts';
import { compareBinlogPoints } from '../../src/tail/binlog-point.ts';
import { binlogEnd } from '../../src/tail/server-facts.ts';
import type { RunningTail, TailedCloud } from './tailed-cloud.ts';

const byId = (a: readonly [string, ...unknown[]], b: readonly [string, ...unknown[]]) =>
  Number(a[0]) - Number(b[0]);

/** What the log says about the source of a cloud. */
export const sourceStatus = ({ log, prefix }: TailedCloud) =>
  readSourceStatus(log, prefix, new AbortController().signal);

/** Everything that this server has committed by now is in the log. */
export async function caughtUpWith(tail: RunningTail, server: Connection): Promise<void> {
  const end = await binlogEnd(server);
  await tail.when((each) => each.phase === 'stream' && compareBinlogPoints(each.at, end) >= 0);
}

/**
 * Every event of the table is in the feed once, as it is, under the incarnation that it has now, and so is
 * every detail, on the partition of its account; beside them the feed has only events of incarnations that have ended.
 *
 * @returns ids and incarnations of those.
 */
export async function expectFeedHasTable(
  cloud: TailedCloud,
  server: Connection,
): Promise<readonly (readonly [id: string, incarnation: number])[]> {
  const { position } = await sourceStatus(cloud);
  const cuts = position?.cuts ?? [];
  const [rows] = await server.query<RowDataPacket[]>(
    `SELECT * FROM ${quoteName(cloud.cloudSchema, 'usage_event')} ORDER BY id`,
  );
  const table = rows.map((row) => [String(row['id']), rowHash(row)] as const);
  const feed = await cloud.feed();
  const events = feed.flatMap((each) => (each.kind === 'usage-event' ? [each] : []));
  const isNow = (origin: { incarnation: number }, id: string) =>
    origin.incarnation === incarnationOf(cuts, id);
  const now = events
    .filter(({ event, origin }) => isNow(origin, event.id))
    .map(({ event }) => [event.id, contentHash(event)] as const);
  expect(now.toSorted(byId)).toEqual(table);

  const [details] = await server.query<RowDataPacket[]>(
    `SELECT CAST(d.id AS CHAR) id, CAST(d.usage_event_id AS CHAR) event, d.name, d.value
     FROM ${quoteName(cloud.cloudSchema, 'usage_event_details')} d ORDER BY d.id`,
  );
  const held = feed.flatMap((each) =>
    each.kind === 'event-detail' && isNow(each.origin, each.detail.eventId)
      ? [[each.detail.id, each.detail.eventId, each.detail.name, each.detail.value] as const]
      : [],
  );
  expect(held.toSorted(byId)).toEqual(
    details.map((row) => [row['id'], row['event'], row['name'], row['value']]),
  );
  return events
    .filter(({ event, origin }) => !isNow(origin, event.id))
    .map(({ event, origin }) => [event.id, origin.incarnation] as const)
    .toSorted(byId);
}
