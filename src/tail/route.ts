import type { RowImage } from '../contracts/change-event.ts';
import type { AccountId, EventId } from '../contracts/ids.ts';
import type { EpochMs } from '../contracts/time.ts';
import { FEED_VERSION } from '../contracts/feed-record.ts';
import type { OutRecord } from '../platform/log/log.ts';
import { usageFeed } from '../../streams/usage-feed.ts';
import { accountJson, bucketJson, counterJson, eventDetailJson } from './feed-payload.ts';
import { idOf, RefusedRow, settingsJson, templateJson, usageEventJson } from './feed-payload.ts';
import { jsonText } from './json-text.ts';
import type { SourceChange } from './source.ts';

export interface RouteContext {
  readonly prefix: string;
  readonly source: string;
  readonly incarnation: number;
  /** Which incarnation an event and its details belong to; absent while the source has had only one. */
  readonly incarnationOf?: ((eventId: string) => number) | undefined;
  readonly feedPartitions: number;
  /** @param zone Of the record; null when it names none. */
  readonly partitionOf: (account: AccountId, zone: string | null) => number;
  /** Keeps a record that names no zone while its account has no place; says whether it did. */
  readonly hold: (
    account: AccountId,
    name: string,
    value: string,
    watermarkMs: EpochMs | null,
  ) => boolean;
  /** What was kept of an account that now has its place. */
  readonly release: (account: AccountId) => readonly string[];
  /** The account of an event that was seen or looked up; undefined when there is no such event. */
  readonly accountOfEvent: (event: EventId) => AccountId | undefined;
  /** Called with each usage event that goes by. */
  readonly sawEvent: (event: EventId, account: AccountId) => void;
}

/**
 * The feed records of a change: none for what the feed does not need (deleted events and details,
 * updates that change nothing), one on its account's partition, two when a row moves from one account
 * to another, one on every partition for a setting.
 *
 * @param watermarkMs Written into each record.
 * @throws RefusedRow when the row makes no sense; nothing is appended then.
 */
export function route(
  context: RouteContext,
  change: SourceChange,
  watermarkMs: EpochMs | null,
  out: OutRecord[],
): void {
  const { op, before, after } = change;
  const { name } = change.layout.key;
  if (before !== null && after !== null && before[name] !== after[name]) {
    // A row under another key is another row, as it is in the raw topics.
    route(context, { ...change, op: 'd', after: null }, watermarkMs, out);
    return route(context, { ...change, op: 'c', before: null }, watermarkMs, out);
  }
  const head = headJson(context, change, watermarkMs);
  const put = (account: AccountId, body: string, zone: string | null = null) => {
    const partition = context.partitionOf(account, zone);
    putHeld(context, account, partition, watermarkMs, out);
    out.push({
      topic: usageFeed.topic(context.prefix),
      partition,
      key: account,
      // At once, because text that was put together takes several times its bytes in memory.
      value: Buffer.from(`${head}${body}}`),
    });
  };

  switch (change.layout.table.kind) {
    case 'usage-event': {
      if (after === null) return;
      const body = usageEventJson(after);
      if (op === 'u' && before !== null && sameFeed(before, body)) return;
      const account = idOf<AccountId>(after, 'account_id');
      context.sawEvent(idOf<EventId>(after, 'id'), account);
      return put(account, `"kind":"usage-event",${body}`, zoneOf(after, 'zone_id'));
    }
    case 'event-detail': {
      if (after === null) return;
      const event = idOf<EventId>(after, 'usage_event_id');
      const account = context.accountOfEvent(event);
      if (account === undefined) throw new RefusedRow('UNKNOWN_EVENT', { event });
      return put(account, `"kind":"event-detail",${eventDetailJson(after, account)}`);
    }
    case 'settings':
      return routeSetting(context, (after ?? before)!, after === null, head, out);
    case 'account':
      return routeOwned('id', 'account', (row) => accountJson(row));
    case 'counter':
      return routeOwned('account_id', 'counter', (row) => counterJson(change.table, row));
    case 'template':
      return routeOwned('account_id', 'template', (row) => templateJson(row));
    case 'bucket':
      return routeOwned('account_id', 'bucket', (row) => bucketJson(row));
  }

  function routeOwned(owner: string, kind: string, json: (row: RowImage) => string): void {
    const now =
      after === null ? null : { account: idOf<AccountId>(after, owner), json: json(after) };
    if (before !== null) {
      const account = idOf<AccountId>(before, owner);
      if (account !== now?.account)
        putOwned(account, kind, before, `"present":false,${json(before)}`);
    }
    if (now) putOwned(now.account, kind, after!, `"present":true,${now.json}`);
  }

  function putOwned(account: AccountId, kind: string, row: RowImage, body: string): void {
    const text = `"kind":"${kind}",${body}`;
    // Counters are billed whether or not there was an event: they never wait.
    if (kind === 'counter') return put(account, text, zoneOf(row, 'data_center_id'));
    const name = `${kind}/${String(row['id'])}`;
    if (!context.hold(account, name, `${head}${text}}`, watermarkMs)) put(account, text);
  }
}

const zoneOf = (row: RowImage, column: string): string | null => {
  const zone = row[column] ?? null;
  return zone === null || zone === 0 || zone === '0' ? null : String(zone);
};

/** Writes what was held of an account, with the watermark of now. */
export function putHeld(
  context: RouteContext,
  account: AccountId,
  partition: number,
  watermarkMs: EpochMs | null,
  out: OutRecord[],
): void {
  for (const held of context.release(account))
    out.push({
      topic: usageFeed.topic(context.prefix),
      partition,
      key: account,
      value: held.replace(/"watermarkMs":(?:null|\d+)/, `"watermarkMs":${watermarkMs}`),
    });
}

/** A watermark on its own, for a partition that has long had no record. */
export const bareWatermark = (
  context: RouteContext,
  partition: number,
  watermarkMs: EpochMs,
  at: { readonly gtid: string | null; readonly file: string; readonly pos: number },
): OutRecord => ({
  topic: usageFeed.topic(context.prefix),
  partition,
  key: null,
  value:
    originJson(context, { ...at, row: 0 }, watermarkMs, false, watermarkMs) + '"kind":"watermark"}',
});

function routeSetting(
  context: RouteContext,
  row: RowImage,
  deleted: boolean,
  head: string,
  out: OutRecord[],
): void {
  if (row['instance'] !== 'DEFAULT') return;
  const value = row['value'] ?? null;
  const name = String(row['name']);
  const settings = new Map([[name, deleted || value === null ? null : String(value)]]);
  for (let partition = 0; partition < context.feedPartitions; partition++)
    out.push({
      topic: usageFeed.topic(context.prefix),
      partition,
      key: null,
      value: `${head}"kind":"settings",${settingsJson(settings)}}`,
    });
}

const headJson = (context: RouteContext, change: SourceChange, watermarkMs: EpochMs | null) =>
  originJson(
    context.incarnationOf ? { ...context, incarnation: incarnationFor(context, change) } : context,
    change.position,
    change.commitMs,
    change.op === 'r',
    watermarkMs,
  );

function incarnationFor(context: RouteContext, { layout, after }: SourceChange): number {
  const column = { 'usage-event': 'id', 'event-detail': 'usage_event_id' }[
    layout.table.kind as string
  ];
  if (column === undefined || after === null || !context.incarnationOf) return context.incarnation;
  return context.incarnationOf(idOf(after, column));
}

function originJson(
  context: RouteContext,
  at: { gtid: string | null; file: string; pos: number; row: number },
  commitMs: EpochMs,
  snapshot: boolean,
  watermarkMs: EpochMs | null,
): string {
  return (
    `{"v":${FEED_VERSION},"watermarkMs":${watermarkMs},"origin":{"source":${jsonText(context.source)},` +
    `"incarnation":${context.incarnation},"gtid":${at.gtid === null ? 'null' : `"${at.gtid}"`},` +
    `"file":${jsonText(at.file)},"pos":${at.pos},"row":${at.row},"commitMs":${commitMs},` +
    `"snapshot":${snapshot}},`
  );
}

// An update of a column that the feed has not (`processed`) is no news to it.
function sameFeed(before: RowImage, after: string): boolean {
  try {
    return usageEventJson(before) === after;
  } catch {
    return false;
  }
}
