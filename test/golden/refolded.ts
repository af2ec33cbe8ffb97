import type { AccountFacts } from '../../src/contracts/fold.ts';
import type { AccountId, EventId } from '../../src/contracts/ids.ts';
import { CloudContent } from '../support/cloud-content.ts';
import { formatGoldenRows } from '../support/golden.ts';
import type { Golden } from '../support/golden.ts';
import { goldenLines } from '../support/published-lines.ts';
import { countLines } from './counts.ts';
import type { Counts } from './counts.ts';
import { RefoldedBook } from './refolded-book.ts';
import { factsOfLine } from './resources.ts';
import { settingsAt } from './server-settings.ts';
import { ServerWindows } from './server-windows.ts';

/**
 * The rows of a server that, when an event or a detail comes late, folds the account again, so that each
 * window after that is computed from what was the case and what was published too little is made good by
 * a row of its own: as we do.
 *
 * @param literal The rows of one that lets a late event act on what is there when it comes.
 */
export function refoldedRows(golden: Golden, literal: Counts): Counts {
  const content = new CloudContent(golden.changes);
  const details = lateDetails(golden);
  const books = new Map<AccountId, RefoldedBook>();
  const owners = new Map<EventId, RefoldedBook>();
  const windows = new ServerWindows(golden);
  const delayMs = golden.runDelayMs;
  const firstRunMs = (windows.all[0]?.endMs ?? golden.fromMs) + delayMs;
  const rules = { windows, delayMs, settings: settingsAt(golden.changes, firstRunMs) };
  for (const window of windows.all) {
    const { startMs } = window;
    const runMs = window.endMs + golden.runDelayMs;
    content.advance(runMs);
    for (const event of content.arrivals()) {
      const book = books.get(event.accountId) ?? new RefoldedBook(event.accountId, rules);
      books.set(event.accountId, book);
      owners.set(event.id, book);
      book.take(event, startMs);
    }
    for (const { eventId } of details(runMs)) owners.get(eventId)?.takeDetail(eventId, startMs);
    const facts = content.facts();
    for (const book of books.values())
      book.close(window, facts.get(book.accountId) ?? nobody, (event) =>
        content.withDetails(event),
      );
  }
  const late = new Map([...books].filter(([, book]) => book.wasLate));
  if (late.size === 0) return literal;
  const isLate = (line: string) => late.has(factsOfLine(line).accountId as AccountId);
  const rows = [...late.values()].flatMap((book) => book.rows);
  return new Map([
    ...[...literal].filter(([line]) => !isLate(line)),
    ...countLines(goldenLines(formatGoldenRows(rows))),
  ]);
}

const nobody: AccountFacts = { account: null, counters: [], templates: [], buckets: [] };

/** Details in the order of their commits; each call gives those since the last. */
function lateDetails({ changes }: Golden): (untilMs: number) => { readonly eventId: EventId }[] {
  const all = changes
    .filter(({ table }) => table === 'usage_event_details')
    .toSorted((a, b) => a.atMs - b.atMs);
  let next = 0;
  return (untilMs) => {
    const from = next;
    while ((all[next]?.atMs ?? Infinity) < untilMs) next++;
    return all.slice(from, next).map(({ row }) => ({ eventId: row['usage_event_id'] as EventId }));
  };
}
