import { pause } from '../platform/lifecycle.ts';
import type { EpochMs } from '../contracts/time.ts';
import { AppError } from '../platform/errors.ts';
import { openConnection, quoteName } from '../platform/mysql.ts';
import type { Connection, RowDataPacket } from '../platform/mysql.ts';
import { ChangedRows } from './changed-rows.ts';
import { datetimeMs } from './column-types.ts';
import type { LateIds } from './late-ids.ts';
import type { PositionRecord } from './position.ts';
import { layoutsNow } from './preflight-schema.ts';
import { readChange, selectRows } from './read-rows.ts';
import type { Layouts, Row } from './read-rows.ts';
import { serverClock, startView } from './server-facts.ts';
import { compareNewest } from './server-sight.ts';
import type { SessionContext } from './session.ts';
import { readSnapshot } from './snapshot.ts';
import { pollPlace } from './poll-place.ts';
import { startPoll } from './start-poll.ts';
import type { PollStart } from './start-poll.ts';

import { raised, startWatermark } from './watermark.ts';
import type { Watermark } from './watermark.ts';

/** Ids are asked for in pages of so many. */
const idPage = 50_000;

/**
 * Reads a source without a binlog again and again, each time in one consistent view: events and details by
 * id, with a look back for those that commit late, and the rows of everything else that have changed.
 * docs/source-poll.md says what it cannot see.
 *
 * @throws TAIL_SOURCE_CHANGED when the newest event is gone: the next session heals.
 */
export async function pollSource(context: SessionContext): Promise<'until' | 'stopped'> {
  const { settings, io, signal, say } = context;
  const start = await startPoll(context);
  if (start === null) return 'stopped';
  await say({ state: 'polling', how: 'poll', why: null });
  const connection = await openConnection(settings.source, 'SOURCE');
  connection.on('error', (cause) => io.logger.debug({ cause }, 'source connection broke'));
  try {
    const poller = new Poller(context, connection, start);
    for (;;) {
      if (signal.aborted) return 'stopped';
      if (await poller.poll()) return 'until';
      await pause(settings.pollMs, signal);
    }
  } finally {
    connection.destroy();
  }
}

class Poller {
  readonly #context: SessionContext;
  readonly #connection: Connection;
  readonly #events: LateIds;
  readonly #details: LateIds;
  readonly #facts = new ChangedRows();
  #layouts: Layouts = new Map();
  #mark: Watermark;
  #clockMs: EpochMs = 0;
  #newestMs: EpochMs = 0;
  #changes = 0;

  constructor(context: SessionContext, connection: Connection, start: PollStart) {
    this.#context = context;
    this.#connection = connection;
    this.#events = start.events;
    this.#details = start.details;
    this.#mark = startWatermark(context.settings.clock, start.watermarkMs);
  }

  /** @returns true at the end of an `until` run. */
  async poll(): Promise<boolean> {
    const { settings, output } = this.#context;
    // Before the view is opened: what was committed before this is in it.
    this.#clockMs = await serverClock(this.#connection);
    // Not the server's clock, which may jump: an id stays open for as long as it says.
    const openedMs = performance.now();
    await startView(this.#connection);
    try {
      await this.#checkNewest(output.followed.newestEvent);
      this.#layouts = await layoutsNow(this.#connection, settings.cloudSchema);
      await this.#readFacts();
      const maxId = await this.#readNew('usage_event', this.#events);
      const maxDetail = await this.#readNew('usage_event_details', this.#details);
      this.#events.settle(openedMs, maxId, settings.pollWindowMs);
      this.#details.settle(openedMs, maxDetail, settings.pollWindowMs);
    } finally {
      await this.#connection.query('COMMIT');
    }
    const cursor = { settledId: this.#events.settled, settledDetailId: this.#details.settled };
    output.followed = { ...output.followed, poll: cursor };
    return this.#finish();
  }

  /** Everything committed a window ago has been read; then there may be an end. */
  async #finish(): Promise<boolean> {
    const { settings, output } = this.#context;
    const { untilMs, closeDelayMs, pollWindowMs, clock } = settings;
    const seenMs = (clock === 'wall' ? this.#clockMs : this.#newestMs) - pollWindowMs;
    if (seenMs > 0) this.#mark = raised(this.#mark, seenMs);
    const endMs = untilMs === undefined ? Infinity : untilMs + closeDelayMs;
    const isEnd = untilMs !== undefined && (clock === 'source' || (this.#mark.atMs ?? 0) >= endMs);
    if (isEnd) this.#mark = raised(this.#mark, endMs);
    output.announce(this.#mark.atMs, pollPlace);
    await this.#commit();
    return isEnd;
  }

  async #checkNewest(newest: PositionRecord['newestEvent']): Promise<void> {
    const found = await compareNewest(this.#connection, this.#context.settings.cloudSchema, newest);
    if (found === 'missing' || found === 'differs')
      throw new AppError('TAIL_SOURCE_CHANGED', {
        reason: `newest event ${found}`,
        id: newest?.id,
      });
  }

  async #readFacts(): Promise<void> {
    const { settings } = this.#context;
    const options = {
      cloudSchema: settings.cloudSchema,
      raw: false,
      layouts: this.#layouts,
      chunkRows: settings.snapshotChunkRows,
      reads: ({ kind }: { kind: string }) => kind !== 'usage-event' && kind !== 'event-detail',
    };
    const cursor = {
      startedMs: this.#clockMs,
      maxEventId: '0',
      table: 'configuration',
      after: null,
      rows: 0,
    };
    for await (const chunk of readSnapshot(this.#connection, options, pollPlace, cursor)) {
      const changed = this.#facts.changed(chunk.feed);
      await this.#write(changed.map((each) => ({ ...each, snapshot: 'incremental' })));
    }
  }

  /** Reads the rows whose ids are new. @returns the highest id of the table. */
  async #readNew(table: string, ids: LateIds): Promise<string> {
    const { settings, signal } = this.#context;
    const layout = this.#layouts.get(table)!;
    let last = ids.settled;
    while (!signal.aborted) {
      const [rows] = await this.#connection.query<RowDataPacket[]>(
        `SELECT CAST(t.id AS CHAR) id FROM ${quoteName(settings.cloudSchema, table)} t
         WHERE t.id > ? ORDER BY t.id LIMIT ${idPage}`,
        [last],
      );
      const found = rows.map((row) => String(row['id']));
      const fresh = found.filter((id) => ids.isNew(id));
      for (let from = 0; from < fresh.length; from += settings.snapshotChunkRows) {
        const chunk = fresh.slice(from, from + settings.snapshotChunkRows);
        const read = await selectRows(this.#connection, layout, 'id IN (?) ORDER BY id', [chunk]);
        for (const row of read) this.#sawTime(row);
        await this.#write(read.map((row) => readChange(layout, row, pollPlace, this.#clockMs)));
        for (const id of chunk) ids.add(id);
      }
      last = found.at(-1) ?? last;
      if (found.length < idPage) break;
    }
    return last;
  }

  #sawTime(row: Row): void {
    const created = row['created'];
    const ms = typeof created === 'string' ? datetimeMs(created) : null;
    if (ms !== null && ms > this.#newestMs) this.#newestMs = ms;
  }

  async #write(changes: Parameters<ChangedRows['changed']>[0]): Promise<void> {
    if (changes.length === 0) return;
    const { output, accounts } = this.#context;
    await accounts.prepare(changes, this.#connection);
    output.write({ raw: changes, feed: changes }, this.#mark.atMs);
    this.#changes += changes.length;
    await this.#commit();
  }

  async #commit(): Promise<void> {
    const { output, io } = this.#context;
    await output.commit(pollPlace, this.#mark.atMs, null);
    io.onProgress({
      phase: 'stream',
      changes: this.#changes,
      at: pollPlace.end,
      watermarkMs: this.#mark.atMs,
    });
  }
}
