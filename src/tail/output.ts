import { randomUUID } from 'node:crypto';
import type { EpochMs } from '../contracts/time.ts';
import { crashPoint } from '../platform/crash-points.ts';
import type { Clock } from '../platform/clock.ts';
import { recordSize } from '../platform/log/encode-batch.ts';
import type { OutRecord } from '../platform/log/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import { deadLetter } from './dead-letter.ts';
import { envelopeEncoder } from './envelope.ts';
import type { EnvelopeEncoder, EnvelopeOptions } from './envelope.ts';
import type { EventAccounts } from './event-accounts.ts';
import { RefusedRow } from './feed-payload.ts';
import type { LogBatch } from './log-batch.ts';
import type { Placements } from './placement.ts';
import { encodePosition } from './position.ts';
import type { PositionRecord, RawFrom, SnapshotCursor } from './position.ts';
import { incarnationOf } from './incarnations.ts';
import { NewestEvent } from './newest-event.ts';
import { RawRest } from './raw-rest.ts';
import { bareWatermark, putHeld, route } from './route.ts';
import type { RouteContext } from './route.ts';
import type { Boundary, SourceChange } from './source.ts';
import type { TableLayout } from './table-layout.ts';
import type { StreamSettings } from './tail-options.ts';

/** Of each column of a change that is too large, characters. */
const keptLength = 200;

export interface OutputOptions {
  readonly settings: StreamSettings;
  readonly connector: EnvelopeOptions['connector'];
  readonly followed: FollowedSource;
  readonly batch: LogBatch;
  readonly placements: Placements;
  readonly accounts: Pick<EventAccounts, 'accountOf' | 'saw'>;
  /** Bytes that a record of a topic may have. */
  readonly limits: ReadonlyMap<string, number>;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** What somebody else wrote to the raw topics. */
  readonly rawFrom?: RawFrom;
}

/** What every position says about the source beside the place. */
export type FollowedSource = Pick<
  PositionRecord,
  'incarnation' | 'serverId' | 'serverUuid' | 'newestEvent' | 'cuts' | 'healed' | 'poll'
>;

/** Everything that one session writes: raw and feed records, dead letters, watermarks, placements and positions. */
export class TailOutput {
  readonly #options: OutputOptions;
  #context: RouteContext;
  #followed: FollowedSource;
  #newest: NewestEvent;
  #committedNewest: FollowedSource['newestEvent'];
  readonly #envelope: EnvelopeOptions;
  readonly #encoders = new Map<TableLayout, EnvelopeEncoder>();
  readonly #counts = new Map<SourceChange['layout'], Map<string, number>>();
  /** Per partition: when its last record was written, by the monotonic clock, and the watermark that it carried. */
  readonly #lastAtMs: number[];
  readonly #lastMarkMs: (EpochMs | null)[];
  #rawRest: RawRest | null;

  constructor(options: OutputOptions) {
    const { settings, placements, accounts } = options;
    this.#options = options;
    this.#rawRest = options.rawFrom ? new RawRest(options.rawFrom, settings.feedPartitions) : null;
    this.#followed = options.followed;
    this.#newest = new NewestEvent(options.followed.newestEvent);
    this.#committedNewest = options.followed.newestEvent;
    this.#context = {
      prefix: settings.prefix,
      source: settings.prefix,
      ...identityOf(options.followed),
      feedPartitions: settings.feedPartitions,
      partitionOf: (account, zone) => placements.partitionOf(account, zone),
      hold: (account, name, value, mark) => placements.hold(account, name, value, mark),
      release: (account) => placements.release(account),
      accountOfEvent: (event) => accounts.accountOf(event),
      sawEvent: (event, account) => accounts.saw(event, account),
    };
    this.#envelope = {
      prefix: settings.prefix,
      version: settings.version,
      connector: options.connector,
      runId: randomUUID(),
    };
    this.#lastAtMs = Array.from({ length: settings.feedPartitions }, () => performance.now());
    this.#lastMarkMs = Array.from({ length: settings.feedPartitions }, () => null);
  }

  get followed(): FollowedSource {
    return { ...this.#followed, newestEvent: this.#newest.value() };
  }

  /** The source, or what is known about it, has changed: from the next record on. */
  set followed(followed: FollowedSource) {
    this.#followed = followed;
    this.#newest = new NewestEvent(followed.newestEvent);
    this.#context = { ...this.#context, ...identityOf(followed) };
  }

  /** Raw records begin at once, wherever somebody else's end. */
  forgetRawFrom(): void {
    this.#rawRest = null;
  }

  /** @param watermarkMs Holds before the first of these changes, and is written into each feed record. */
  write(
    changes: { readonly raw: readonly SourceChange[]; readonly feed: readonly SourceChange[] },
    watermarkMs: EpochMs | null,
  ): void {
    const nowMs = this.#options.clock.now();
    if (this.#options.settings.raw) this.#writeRaw(changes.raw, String(nowMs));
    const out: OutRecord[] = [];
    for (const change of changes.feed) {
      this.#count(change);
      if (change.layout.table.kind === 'usage-event') this.#newest.saw(change);
      try {
        const from = out.length;
        route(this.#context, change, watermarkMs, out);
        this.#refuseLarge(change, out, from, nowMs);
      } catch (error) {
        if (!(error instanceof RefusedRow)) throw error;
        const { reason, facts } = error;
        const { prefix, incarnation } = this.#context;
        const letter = deadLetter(prefix, change, reason, facts, { incarnation, nowMs });
        this.#options.batch.add([letter]);
        this.#options.metrics.tailDeadLetters.inc({ reason });
      }
    }
    this.#addToFeed(out, watermarkMs);
  }

  #addToFeed(out: readonly OutRecord[], watermarkMs: EpochMs | null): void {
    const nowMs = performance.now();
    for (const { partition } of out) {
      this.#lastAtMs[partition!] = nowMs;
      this.#lastMarkMs[partition!] = watermarkMs;
    }
    this.#options.batch.add(out);
  }

  /** Accounts that never showed a zone get a place without one in the end. */
  #placeOverdue(watermarkMs: EpochMs | null): void {
    const overdue = this.#options.placements.overdue(watermarkMs);
    if (overdue.length === 0) return;
    const out: OutRecord[] = [];
    for (const account of overdue)
      putHeld(this.#context, account, this.#context.partitionOf(account, null), watermarkMs, out);
    this.#addToFeed(out, watermarkMs);
  }

  /** Takes what its topic cannot hold out of `out`, from `from` on, and says so in a dead letter. */
  #refuseLarge(change: SourceChange, out: OutRecord[], from: number, nowMs: EpochMs): void {
    for (let at = out.length - 1; at >= from; at--) {
      const { topic } = out[at]!;
      const bytes = recordSize(out[at]!);
      const limit = this.#options.limits.get(topic) ?? Infinity;
      if (bytes <= limit) continue;
      out.splice(at, 1);
      const { prefix, incarnation } = this.#context;
      const facts = { topic, bytes, limit };
      const place = { incarnation, nowMs, columnLength: keptLength };
      this.#options.batch.add([deadLetter(prefix, change, 'TOO_LARGE', facts, place)]);
      this.#options.metrics.tailDeadLetters.inc({ reason: 'TOO_LARGE' });
    }
  }

  #writeRaw(changes: readonly SourceChange[], nowMs: string): void {
    const out: OutRecord[] = [];
    const rest = this.#rawRest;
    for (const change of changes) {
      let encode = this.#encoders.get(change.layout);
      if (!encode) {
        encode = envelopeEncoder(this.#envelope, change.layout);
        this.#encoders.set(change.layout, encode);
      }
      const from = out.length;
      encode(change, nowMs, out);
      if (rest) out.push(...rest.missing(change, out.splice(from)));
      this.#refuseLarge(change, out, from, Number(nowMs));
    }
    this.#options.batch.add(out);
  }

  /**
   * Writes the watermark by itself to partitions that do not have it: those silent for `silenceMs`,
   * by default all.
   */
  announce(watermarkMs: EpochMs | null, at: Boundary, silenceMs = 0): void {
    if (watermarkMs === null) return;
    const nowMs = performance.now();
    for (let partition = 0; partition < this.#lastMarkMs.length; partition++) {
      if (nowMs - this.#lastAtMs[partition]! < silenceMs) continue;
      const last = this.#lastMarkMs[partition] ?? null;
      if (last !== null && last >= watermarkMs) continue;
      this.#lastAtMs[partition] = nowMs;
      this.#lastMarkMs[partition] = watermarkMs;
      const place = { gtid: at.gtid, ...at.end };
      this.#options.batch.add([bareWatermark(this.#context, partition, watermarkMs, place)]);
    }
  }

  /** Commits all of it together with the place to go on from. */
  async commit(
    boundary: Boundary,
    watermarkMs: EpochMs | null,
    snapshot: SnapshotCursor | null,
  ): Promise<void> {
    const { batch, placements, settings, metrics, clock } = this.#options;
    this.#placeOverdue(watermarkMs);
    const placed = placements.takeNew();
    batch.add(placed);
    if (placed.length > 0) crashPoint('tail.placement-before-commit');
    const newestEvent = this.#newest.value();
    const rawFrom = this.#rawRest?.afterPassing(boundary.end) ?? null;
    if (rawFrom === null) this.#rawRest = null;
    const position = encodePosition(settings.prefix, {
      v: 1,
      source: settings.prefix,
      ...this.#followed,
      newestEvent,
      ...boundary.end,
      gtid: boundary.gtid,
      ...(rawFrom ? { rawFrom } : {}),
      ...(boundary.adopted ? { adopted: boundary.adopted } : {}),
      fileMs: boundary.fileMs ?? null,
      lastXid: boundary.lastXid ?? null,
      snapshot,
      watermarkMs,
      feedPartitions: settings.feedPartitions,
      accounts: placements.accounts,
      atMs: clock.now(),
    });
    const { bytes } = batch;
    await batch.commit([position]);
    this.#committedNewest = newestEvent;
    metrics.tailBytes.inc(bytes);
    metrics.tailLag.follow(clock, watermarkMs);
    for (const [layout, ops] of this.#counts)
      for (const [op, count] of ops)
        metrics.tailChanges.inc({ table: layout.table.name, op }, count);
    this.#counts.clear();
  }

  /** Whether there is something that a commit would write beside the position. */
  get hasWork(): boolean {
    return this.#options.batch.bytes > 0 || this.#options.placements.hasNew;
  }

  /** Drops what was written since the last commit. */
  async abort(): Promise<void> {
    this.#newest = new NewestEvent(this.#committedNewest);
    this.#options.placements.undo();
    // What the partitions have of the watermark is no longer known: they are told again.
    this.#lastMarkMs.fill(null);
    await this.#options.batch.abort();
  }

  #count(change: SourceChange): void {
    let ops = this.#counts.get(change.layout);
    if (!ops) this.#counts.set(change.layout, (ops = new Map()));
    ops.set(change.op, (ops.get(change.op) ?? 0) + 1);
  }
}

const identityOf = ({ incarnation, cuts }: FollowedSource) => ({
  incarnation,
  incarnationOf: cuts.length === 0 ? undefined : (id: string) => incarnationOf(cuts, id),
});
