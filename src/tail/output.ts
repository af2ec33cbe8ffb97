import { randomUUID } from 'node:crypto';
import type { EpochMs } from '../contracts/time.ts';
import type { Clock } from '../platform/clock.ts';
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
import type { SnapshotCursor } from './position.ts';
import { bareWatermark, putHeld, route } from './route.ts';
import type { RouteContext } from './route.ts';
import type { Boundary, SourceChange } from './source.ts';
import type { TableLayout } from './table-layout.ts';
import type { TailSettings } from './tail-options.ts';

export interface OutputOptions {
  readonly settings: TailSettings;
  readonly incarnation: number;
  /** server_id of the followed server. */
  readonly serverId: number;
  readonly connector: EnvelopeOptions['connector'];
  readonly batch: LogBatch;
  readonly placements: Placements;
  readonly accounts: EventAccounts;
  readonly metrics: Metrics;
  readonly clock: Clock;
}

/** Everything that one session writes: raw and feed records, dead letters, watermarks, placements and positions. */
export class TailOutput {
  readonly #options: OutputOptions;
  readonly #context: RouteContext;
  readonly #envelope: EnvelopeOptions;
  readonly #encoders = new Map<TableLayout, EnvelopeEncoder>();
  readonly #counts = new Map<SourceChange['layout'], Map<string, number>>();
  /** Per partition: when its last record was written, and the watermark that it carried. */
  readonly #lastAtMs: number[];
  readonly #lastMarkMs: (EpochMs | null)[];

  constructor(options: OutputOptions) {
    const { settings, placements, accounts } = options;
    this.#options = options;
    this.#context = {
      prefix: settings.prefix,
      source: settings.prefix,
      incarnation: options.incarnation,
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
    this.#lastAtMs = Array.from({ length: settings.feedPartitions }, () => options.clock.now());
    this.#lastMarkMs = Array.from({ length: settings.feedPartitions }, () => null);
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
      try {
        route(this.#context, change, watermarkMs, out);
      } catch (error) {
        if (!(error instanceof RefusedRow)) throw error;
        const { reason, facts } = error;
        const { prefix, incarnation } = this.#context;
        const letter = deadLetter(prefix, change, reason, facts, { incarnation, nowMs });
        this.#options.batch.add([letter]);
        this.#options.metrics.tailDeadLetters.inc({ reason });
      }
    }
    this.#addToFeed(out, watermarkMs, nowMs);
  }

  #addToFeed(out: readonly OutRecord[], watermarkMs: EpochMs | null, nowMs: number): void {
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
    this.#addToFeed(out, watermarkMs, this.#options.clock.now());
  }

  #writeRaw(changes: readonly SourceChange[], nowMs: string): void {
    const out: OutRecord[] = [];
    for (const change of changes) {
      let encode = this.#encoders.get(change.layout);
      if (!encode) {
        encode = envelopeEncoder(this.#envelope, change.layout);
        this.#encoders.set(change.layout, encode);
      }
      encode(change, nowMs, out);
    }
    this.#options.batch.add(out);
  }

  /**
   * Writes the watermark by itself to partitions that do not have it: those silent for `silenceMs`,
   * by default all.
   */
  announce(watermarkMs: EpochMs | null, at: Boundary, silenceMs = 0): void {
    if (watermarkMs === null) return;
    const nowMs = this.#options.clock.now();
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
    batch.add(placements.takeNew());
    const position = encodePosition(settings.prefix, {
      v: 1,
      source: settings.prefix,
      incarnation: this.#options.incarnation,
      serverId: this.#options.serverId,
      ...boundary.end,
      gtid: boundary.gtid,
      snapshot,
      watermarkMs,
      feedPartitions: settings.feedPartitions,
      atMs: clock.now(),
    });
    const { bytes } = batch;
    await batch.commit([position]);
    metrics.tailBytes.inc(bytes);
    if (watermarkMs !== null) metrics.tailLagMs.set(Math.max(0, clock.now() - watermarkMs));
    for (const [layout, ops] of this.#counts)
      for (const [op, count] of ops)
        metrics.tailChanges.inc({ table: layout.table.name, op }, count);
    this.#counts.clear();
  }

  #count(change: SourceChange): void {
    let ops = this.#counts.get(change.layout);
    if (!ops) this.#counts.set(change.layout, (ops = new Map()));
    ops.set(change.op, (ops.get(change.op) ?? 0) + 1);
  }
}
