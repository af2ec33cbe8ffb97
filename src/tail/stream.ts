import { crashPoint } from '../platform/crash-points.ts';
import { isAppError } from '../platform/errors.ts';
import type { BinlogPoint } from './binlog-point.ts';
import { compareBinlogPoints } from './binlog-point.ts';
import { openBinlog } from './binlog.ts';
import { ClockSampler } from './clock-sampler.ts';
import type { ResumePoint } from './server-facts.ts';
import type { SessionContext, StreamContext, StreamStart } from './session.ts';
import type { Boundary, ChangeSource, SourceChange, SourceItem } from './source.ts';
import { committed, passed, raised, sampled, startWatermark } from './watermark.ts';
import type { ClockSample, Watermark } from './watermark.ts';

/** However steadily changes trickle in, they are committed after this long. */
const maxOpenMs = 500;
const held = 'watermark waits: the source is a replica that cannot tell how far it is behind';

/**
 * Writes what the binlog has from a place on, several source transactions to one log transaction,
 * never less than a whole one.
 *
 * @param end Where the binlog ended when the session began: an `until` run by source time ends there.
 */
export async function followBinlog(
  context: SessionContext,
  start: StreamStart,
  end: BinlogPoint,
): Promise<'until' | 'stopped'> {
  const { settings, io } = context;
  await using source = openBinlogAt(context, start.point);
  const { accounts, connection } = context;
  const sampler = new ClockSampler(connection, settings.sampleMs, (isHeld) =>
    isHeld
      ? io.logger.warn({ prefix: settings.prefix }, held)
      : io.logger.info({ prefix: settings.prefix }, 'watermark goes on'),
  );
  return await followSource(context, source, start, {
    end,
    pollClock: () => sampler.poll(),
    lookUp: (changes) => accounts.prepare(changes, connection),
  });
}

/** The binlog of the source from a place on. */
export const openBinlogAt = ({ settings, io }: SessionContext, point: ResumePoint): ChangeSource =>
  openBinlog({
    target: settings.source,
    cloudSchema: settings.cloudSchema,
    serverId: settings.serverId,
    start: point.end,
    gtid: point.gtid,
    fileMs: point.fileMs ?? null,
    lastXid: point.lastXid ?? null,
    byGtid: point.byGtid,
    maxQueueBytes: settings.maxQueueBytes,
    heartbeatMs: settings.heartbeatMs,
    standstillMs: settings.standstillMs,
    logger: io.logger,
  });

/** What a stream asks beside its source. */
export interface StreamAids {
  /** Where the source ended when the session began, if a place in the binlog tells. */
  readonly end: BinlogPoint | null;
  /** A new sample of the source's clock, where there is one to ask. */
  readonly pollClock: () => ClockSample | null;
  /** Learns whose the events of details are that are not known yet. */
  readonly lookUp: (changes: readonly SourceChange[]) => Promise<void>;
}

/** Writes what a source hands over until its end, an abort or a fault. */
export const followSource = (
  context: StreamContext,
  source: ChangeSource,
  start: StreamStart,
  aids: StreamAids,
): Promise<'until' | 'stopped'> => new StreamLoop(context, source, start, aids).run();

class StreamLoop {
  readonly #context: StreamContext;
  readonly #source: ChangeSource;
  readonly #start: ResumePoint;
  readonly #aids: StreamAids;
  #mark: Watermark;
  #at: Boundary;
  #committedAt: Boundary;
  // By the clock that only goes forward: the other may be set back by an hour.
  #committedMs: number;
  #openedMs = 0;
  /** In the middle of a source transaction that is handed over in parts. */
  #inParts = false;
  #changes = 0;

  constructor(context: StreamContext, source: ChangeSource, start: StreamStart, aids: StreamAids) {
    const { settings } = context;
    this.#context = context;
    this.#source = source;
    this.#start = start.point;
    this.#aids = aids;
    this.#mark = startWatermark(settings.clock, start.watermarkMs);
    this.#at = start.point;
    this.#committedAt = start.point;
    this.#committedMs = performance.now();
  }

  async run(): Promise<'until' | 'stopped'> {
    const { settings, signal, batch, output } = this.#context;
    const idleMs = Math.max(5, Math.min(settings.silenceMs, settings.sampleMs, 1000) / 4);
    for (;;) {
      if (signal.aborted) return this.#stop();
      if (settings.clock === 'wall' && this.#mark.sample === null) {
        const sample = this.#aids.pollClock();
        if (sample) this.#mark = sampled(this.#mark, sample);
      }

      const items = await this.#take(batch.bytes > 0 ? settings.lingerMs : idleMs);
      await this.#lookUp(items);
      for (const item of items) await this.#handle(item);
      // Started by GTID, the place is another server's until the first of this one is known.
      if (this.#inParts || (this.#start.byGtid && this.#at === this.#start)) continue;
      this.#mark = passed(this.#mark, this.#at.end);
      output.announce(this.#mark.atMs, this.#at, settings.silenceMs);
      if (this.#isAtEnd()) return this.#finish();
      if (this.#isDue(items.length === 0)) await this.#commit();
    }
  }

  // A fault of the source comes after everything that was read before it: that much is kept.
  async #take(waitMs: number): Promise<readonly SourceItem[]> {
    try {
      return await this.#source.take(waitMs);
    } catch (error) {
      if (isAppError(error) && !this.#inParts && this.#context.batch.bytes > 0)
        await this.#commit();
      throw error;
    }
  }

  // Details do not say whose they are; all that are not known are asked for at once.
  async #lookUp(items: readonly SourceItem[]): Promise<void> {
    const changes = items.flatMap((item) => ('changes' in item ? item.changes : []));
    if (changes.some((change) => change.layout.table.kind === 'event-detail'))
      await this.#aids.lookUp(changes);
  }

  async #handle(item: SourceItem): Promise<void> {
    const { output, io } = this.#context;
    switch (item.kind) {
      case 'passed':
        this.#at = item.boundary;
        if (item.watermarkMs !== undefined) this.#mark = raised(this.#mark, item.watermarkMs);
        return;
      case 'part':
        // Alone in its log transaction, which is aborted if it turns out to be rolled back.
        if (!this.#inParts && output.hasWork) await this.#commit();
        this.#inParts = true;
        await this.#write(item.changes);
        return crashPoint('tail.part-written');
      case 'rolled-back':
        this.#inParts = false;
        return output.abort();
      case 'commit':
        // Before its own changes: one that commits after a window's run must close it, not join it.
        if (item.commitMs !== null) this.#mark = committed(this.#mark, item.commitMs);
        await this.#write(item.changes);
        this.#inParts = false;
        this.#at = item.boundary;
        io.metrics.tailTransactions.inc();
    }
  }

  async #write(changes: readonly SourceChange[]): Promise<void> {
    const { batch, output } = this.#context;
    if (batch.bytes === 0) this.#openedMs = performance.now();
    output.write({ raw: changes, feed: changes }, this.#mark.atMs);
    this.#changes += changes.length;
    await batch.sendIfLarge();
  }

  #isDue(idle: boolean): boolean {
    const { settings, batch } = this.#context;
    const now = performance.now();
    if (batch.bytes === 0)
      return this.#at !== this.#committedAt && now - this.#committedMs >= settings.silenceMs;
    const enough = settings.commitBytes * (this.#source.queuedBytes > 0 ? 4 : 1);
    return idle || batch.bytes >= enough || now - this.#openedMs >= maxOpenMs;
  }

  async #commit(): Promise<void> {
    const { output, io } = this.#context;
    await output.commit(this.#at, this.#mark.atMs, null);
    this.#committedAt = this.#at;
    this.#committedMs = performance.now();
    io.onProgress({
      phase: 'stream',
      changes: this.#changes,
      at: this.#at.end,
      watermarkMs: this.#mark.atMs,
    });
  }

  #isAtEnd(): boolean {
    const { untilMs, closeDelayMs, clock } = this.#context.settings;
    if (this.#source.ended === true) return true;
    if (untilMs === undefined) return false;
    if (clock === 'wall')
      return this.#mark.atMs !== null && this.#mark.atMs >= untilMs + closeDelayMs;
    const { end } = this.#aids;
    return end !== null && compareBinlogPoints(this.#at.end, end) >= 0;
  }

  async #finish(): Promise<'until'> {
    const { settings, output, io } = this.#context;
    if (settings.untilMs !== undefined)
      this.#mark = raised(this.#mark, settings.untilMs + settings.closeDelayMs);
    output.announce(this.#mark.atMs, this.#at);
    crashPoint('tail.before-end');
    await this.#commit();
    io.logger.info({ ...this.#at.end, watermarkMs: this.#mark.atMs }, 'tail reached its end');
    return 'until';
  }

  async #stop(): Promise<'stopped'> {
    const { signal, batch } = this.#context;
    // Who has lost the lead may write no more; else what is whole is kept.
    const leads = !isAppError(signal.reason, 'TAIL_FENCED');
    if (leads && !this.#inParts && batch.bytes > 0) await this.#commit();
    return 'stopped';
  }
}
