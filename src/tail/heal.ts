import { patient } from '../platform/answer-limit.ts';
import { AppError } from '../platform/errors.ts';
import { openConnection, quoteName } from '../platform/mysql.ts';
import type { Connection, RowDataPacket } from '../platform/mysql.ts';
import { compareEvents } from './compare-events.ts';
import type { Compared } from './compare-events.ts';
import { detailKey, readHeldEvents } from './held-events.ts';
import type { HeldEvents } from './held-events.ts';
import { cutAbove, incarnationOf } from './incarnations.ts';
import { judgeHistory } from './judge-history.ts';
import { rowHash } from './event-content.ts';
import { placeOf } from './place-of.ts';
import type { HealRecord, PositionRecord } from './position.ts';
import { boundBefore, pollPlace, unsettled } from './poll-place.ts';
import { layoutsNow } from './preflight-schema.ts';
import { detailsOf, eventsAbove, readChange } from './read-rows.ts';
import type { Layouts, Row } from './read-rows.ts';
import { serverClock, startConsistentSnapshot, startView } from './server-facts.ts';
import type { SessionContext, StreamStart } from './session.ts';
import { readSnapshot } from './snapshot.ts';
import type { Boundary, SourceChange } from './source.ts';

/**
 * Goes on where no place of the binlog can be trusted: takes a new consistent place, compares the events
 * of the source with those of the feed by id and content, writes what the feed has not, reads
 * everything else again, and only then moves the position to the new place.
 *
 * Until then the stored place stays, so that a healing that is killed begins again and finds what it
 * has written as held. Watermarks stand still meanwhile: what is written belongs before them.
 *
 * @returns null when stopped before the end.
 * @throws TAIL_SOURCE_REPLACED when nothing of the feed is on this server.
 */
export async function runHeal(
  context: SessionContext,
  stored: PositionRecord,
  why: string,
): Promise<StreamStart | null> {
  const { settings, io } = context;
  const connection = await openConnection(patient(settings.source), 'SOURCE', {
    multipleStatements: true,
  });
  connection.on('error', (cause) => io.logger.debug({ cause }, 'source connection broke'));
  try {
    return await new Healing(context, stored, why, connection).run();
  } finally {
    connection.destroy();
  }
}

class Healing {
  readonly #context: SessionContext;
  readonly #stored: PositionRecord;
  readonly #why: string;
  readonly #connection: Connection;
  #layouts: Layouts = new Map();
  #at: Boundary;
  #startedMs = 0;
  #rows = 0;

  constructor(context: SessionContext, stored: PositionRecord, why: string, on: Connection) {
    this.#context = context;
    this.#stored = stored;
    this.#why = why;
    this.#connection = on;
    this.#at = { end: stored, gtid: stored.gtid };
  }

  async run(): Promise<StreamStart | null> {
    const { settings, io, signal, output } = this.#context;
    const { watermarkMs } = this.#stored;
    io.logger.warn(
      { why: this.#why, file: this.#stored.file, pos: this.#stored.pos, gtid: this.#stored.gtid },
      'source changed, tail heals by id',
    );
    this.#at = await this.#begin();
    this.#startedMs = await serverClock(this.#connection);
    this.#layouts = await layoutsNow(this.#connection, settings.cloudSchema);
    const upTo = await this.#maxId();
    const found = await this.#compare(upTo);
    if (found === null || signal.aborted) return null;

    const fork = await this.#fork(found.compared);
    const facts = await this.#writeFacts();
    const written = await this.#writeEvents(found.above, upTo, found.held, fork);
    if (signal.aborted) return null;
    const healed: HealRecord = {
      why: this.#why,
      atMs: this.#startedMs,
      gapFromMs: watermarkMs,
      ...written,
      facts,
      conflicts: found.compared.conflicts,
      lostOnSource: found.compared.lostOnSource,
      newIncarnation: fork !== null,
    };
    const { serverId, serverUuid } = this.#context.identity;
    const poll = settings.sourceMode === 'poll' ? unsettled : null;
    output.followed = { ...output.followed, serverId, serverUuid, healed, poll };
    await output.commit(this.#at, watermarkMs, null);
    io.metrics.tailHeals.inc({ why: this.#why });
    io.metrics.tailGapMs.set(watermarkMs === null ? 0 : this.#startedMs - watermarkMs);
    io.logger.warn(
      { ...healed, incarnation: output.followed.incarnation, ...this.#at.end },
      'source healed by id: within the gap only sums of counters are known',
    );
    return { point: { ...this.#at, byGtid: false }, watermarkMs };
  }

  async #begin(): Promise<Boundary> {
    if (this.#context.settings.sourceMode === 'binlog')
      return startConsistentSnapshot(this.#connection);
    await startView(this.#connection);
    return pollPlace;
  }

  async #maxId(): Promise<string> {
    const [rows] = await this.#connection.query<RowDataPacket[]>(
      `SELECT CAST(COALESCE(MAX(id), 0) AS CHAR) id FROM ${this.#table()}`,
    );
    return String(rows[0]?.['id']);
  }

  /** Looks back as far as it takes to find events that both have. */
  async #compare(
    upTo: string,
  ): Promise<{ above: string; held: HeldEvents; compared: Compared } | null> {
    const { settings, io, signal } = this.#context;
    const { watermarkMs, snapshot, cuts } = this.#stored;
    for (let backMs = settings.healBackMs; !signal.aborted; backMs *= 8) {
      // A first snapshot that was not finished says nothing about what came before.
      const isWhole = watermarkMs === null || snapshot !== null || backMs > watermarkMs;
      const fromMs = isWhole ? -Infinity : watermarkMs - backMs;
      const held = await readHeldEvents({
        log: io.log,
        prefix: settings.prefix,
        // Twice as far, because clocks differ and a watermark may lag behind what was read.
        fromMs: isWhole ? -Infinity : fromMs - backMs,
        incarnationOf: (id) => incarnationOf(cuts, id),
        limit: settings.healLimit,
        signal,
      });
      const above = held.isWhole
        ? '0'
        : await boundBefore(this.#connection, settings.cloudSchema, fromMs, held);
      const range = { above, upTo, limit: settings.snapshotChunkRows };
      const compared = await compareEvents(this.#connection, this.#layouts, held, range, signal);
      const verdict = judgeHistory(compared);
      if (verdict.kind === 'stranger')
        throw new AppError('TAIL_SOURCE_REPLACED', {
          reason: 'no event of the feed is on this server',
          compared: held.events.size,
        });
      if (verdict.kind !== 'widen') return { above, held, compared };
    }
    return null;
  }

  /** Begins a new incarnation where the histories part, committed before any record of it. @returns the last common id. */
  async #fork(compared: Compared): Promise<bigint | null> {
    const { output } = this.#context;
    const { highestEqual, equalHash } = compared;
    const newestEvent =
      highestEqual === null ? null : { id: String(highestEqual), hash: equalHash ?? '' };
    const verdict = judgeHistory(compared);
    const { cuts, incarnation, serverId, serverUuid, poll } = this.#stored;
    // Still the old place and its server: only at the end does the position move.
    const followed = { ...output.followed, serverId, serverUuid, poll, newestEvent };
    if (verdict.kind !== 'forked') {
      output.followed = { ...followed, cuts, incarnation };
      return null;
    }
    const next = incarnation + 1;
    const aboveId = String(verdict.aboveId);
    output.followed = { ...followed, cuts: cutAbove(cuts, aboveId, next), incarnation: next };
    await this.#commit();
    return verdict.aboveId;
  }

  async #writeFacts(): Promise<number> {
    const { settings, signal } = this.#context;
    const options = {
      cloudSchema: settings.cloudSchema,
      raw: settings.raw,
      layouts: this.#layouts,
      chunkRows: settings.snapshotChunkRows,
      reads: ({ kind }: { kind: string }) => kind !== 'usage-event' && kind !== 'event-detail',
    };
    const start = {
      startedMs: this.#startedMs,
      maxEventId: '0',
      table: 'configuration',
      after: null,
      rows: 0,
    };
    let rows = 0;
    for await (const chunk of readSnapshot(this.#connection, options, this.#at, start)) {
      if (signal.aborted) return rows;
      const changes = chunk.feed.map((each) => ({ ...each, snapshot: 'incremental' as const }));
      rows += changes.length;
      await this.#write(changes);
    }
    return rows;
  }

  /** Writes the events that the feed has not or has otherwise, and the details that it has not. */
  async #writeEvents(above: string, upTo: string, held: HeldEvents, fork: bigint | null) {
    const { settings, signal } = this.#context;
    const isHeld = (id: string) => fork === null || BigInt(id) <= fork;
    let events = 0;
    let details = 0;
    for (let after = above; !signal.aborted;) {
      const range = { above: after, upTo, limit: settings.snapshotChunkRows };
      const rows = await eventsAbove(this.#connection, this.#layouts, range);
      const missing = rows.filter((row) => {
        const id = String(row['id']);
        return !isHeld(id) || held.events.get(id) !== rowHash(row);
      });
      const missingDetails = (await detailsOf(this.#connection, this.#layouts, rows)).filter(
        (row) => {
          const [id, event] = [String(row['id']), String(row['usage_event_id'])];
          const key = detailKey(id, event, String(row['name']), String(row['value']));
          return !isHeld(event) || !held.details.has(key);
        },
      );
      events += missing.length;
      details += missingDetails.length;
      await this.#write([
        ...this.#changes('usage_event', missing),
        ...this.#changes('usage_event_details', missingDetails),
      ]);
      if (rows.length < range.limit) break;
      after = String(rows.at(-1)!['id']);
    }
    return { events, details };
  }

  #changes(table: string, rows: readonly Row[]): readonly SourceChange[] {
    const layout = this.#layouts.get(table)!;
    return rows.map((row) => readChange(layout, row, this.#at, this.#startedMs));
  }

  async #write(changes: readonly SourceChange[]): Promise<void> {
    if (changes.length === 0) return;
    const { output, accounts, io } = this.#context;
    await accounts.prepare(changes, this.#connection);
    output.write({ raw: changes, feed: changes }, this.#stored.watermarkMs);
    for (const { table } of changes) io.metrics.tailHealedRows.inc({ table });
    this.#rows += changes.length;
    await this.#commit();
  }

  // The old place with all of the new: what is committed is not written again by the next attempt.
  async #commit(): Promise<void> {
    const { output, io } = this.#context;
    const { watermarkMs, snapshot } = this.#stored;
    await output.commit(placeOf(this.#stored), watermarkMs, snapshot);
    io.onProgress({ phase: 'heal', rows: this.#rows, watermarkMs });
  }

  #table(): string {
    return quoteName(this.#context.settings.cloudSchema, 'usage_event');
  }
}
