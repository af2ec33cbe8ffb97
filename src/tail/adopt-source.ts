import { AppError } from '../platform/errors.ts';
import type { EpochMs } from '../contracts/time.ts';
import type { EventLog } from '../platform/log/log.ts';
import type { Logger } from '../platform/logger.ts';
import { dataTopic, heartbeatTopic } from './adopt-options.ts';
import type { AdoptSettings } from './adopt-options.ts';
import { AdoptPartition } from './adopt-partition.ts';
import type { Head } from './adopt-partition.ts';
import { AdoptWatermark } from './adopt-watermark.ts';
import { adoptedLayout } from './adopted-change.ts';
import { reachOf } from './adopted-topics.ts';
import { capturedTables } from './captured-tables.ts';
import { Heartbeats } from './heartbeats.ts';
import { mergeHeads } from './merge-heads.ts';
import type { AdoptedPlace } from './position.ts';
import type { Boundary, ChangeSource, SourceChange, SourceItem } from './source.ts';
import type { TableLayout } from './table-layout.ts';
import { pause } from '../platform/lifecycle.ts';

/** How often the ends of the topics are asked for, ms. */
const roundMs = 500;
const quietMs = 60_000;

/** Events come before their details, whose account only the event knows. */
const tables = [
  ...capturedTables.filter(({ kind }) => kind !== 'event-detail'),
  ...capturedTables.filter(({ kind }) => kind === 'event-detail'),
];

/**
 * Follows the topics that a Debezium writes, in rounds: the newest heartbeat and then the ends of all
 * partitions are taken; what lies before both is merged in the order of the binlog. So a change never
 * overtakes an earlier one of another table. With `clock: source` or `drain` heartbeats are not waited
 * for: a round is all that is there.
 */
export class AdoptSource implements ChangeSource {
  readonly queuedBytes = 0;
  readonly #settings: AdoptSettings;
  readonly #log: EventLog;
  readonly #logger: Logger;
  readonly #signal: AbortSignal;
  readonly #layouts: ReadonlyMap<string, TableLayout>;
  readonly #partitions = new Map<string, AdoptPartition>();
  readonly #heartbeats: Heartbeats;
  readonly #mark: AdoptWatermark;
  #round: AsyncGenerator<Head> | null = null;
  #settledMs: EpochMs = -Infinity;
  #at: Boundary;
  #place: AdoptedPlace;
  #lastRoundMs = -Infinity;
  #quietSinceMs = performance.now();
  #ended = false;
  #fault: Error | null = null;

  constructor(
    settings: AdoptSettings,
    io: { readonly log: EventLog; readonly logger: Logger; readonly signal: AbortSignal },
    start: Boundary & { readonly adopted: AdoptedPlace },
  ) {
    this.#settings = settings;
    this.#log = io.log;
    this.#logger = io.logger;
    this.#signal = io.signal;
    this.#at = start;
    this.#place = start.adopted;
    this.#mark = new AdoptWatermark(settings.topics.maxLagMs, start.adopted);
    this.#heartbeats = new Heartbeats(io.log, heartbeatTopic(settings.topics));
    this.#layouts = new Map(
      tables.map((table) => [
        dataTopic(settings.topics, settings.cloudSchema, table.name),
        adoptedLayout(settings.cloudSchema, table),
      ]),
    );
  }

  /** All that the topics held has been handed over: when drained, or a history until a time. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Where each partition of the topic with usage events stands, to look for the events of details. */
  get eventPartitions(): readonly AdoptPartition[] {
    const { topics, cloudSchema } = this.#settings;
    const topic = dataTopic(topics, cloudSchema, 'usage_event');
    return [...this.#partitions.values()].filter((each) => each.topic === topic);
  }

  async take(waitMs: number): Promise<readonly SourceItem[]> {
    if (this.#round === null) {
      if (performance.now() - this.#lastRoundMs < roundMs) {
        await pause(Math.min(waitMs, roundMs), this.#signal);
        return [];
      }
      this.#lastRoundMs = performance.now();
      this.#round = await this.#begin();
      if (this.#round === null) return [];
    }
    if (this.#fault !== null) throw this.#fault;
    const groups: SourceChange[][] = [];
    try {
      for (let count = 0; count < this.#settings.takeChanges; count++) {
        const next = await this.#round.next();
        if (this.#signal.aborted) return [];
        if (next.done === true) return this.#endOfRound(groups);
        this.#sort(next.value, groups);
      }
    } catch (fault) {
      // What was read before it comes first.
      if (groups.length === 0) throw fault;
      this.#fault = fault instanceof Error ? fault : new Error(String(fault));
    }
    return this.#items(groups);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#round?.return(undefined);
  }

  async #begin(): Promise<AsyncGenerator<Head> | null> {
    const atOnce = this.#settings.clock === 'source' || this.#settings.drain;
    if (!atOnce) {
      const before = this.#settledMs;
      const newest = await this.#heartbeats.newest(this.#signal);
      this.#settledMs = newest === null ? -Infinity : newest - this.#settings.topics.settleMs;
      if (this.#settledMs <= before) return this.#noNews(newest);
      this.#quietSinceMs = performance.now();
    }
    const ends = await this.#ends();
    if (ends.length === 0) {
      const { topics } = this.#settings;
      if (atOnce || this.#settledMs === -Infinity)
        throw new AppError('ADOPT_NO_TOPICS', { prefix: topics.prefix, form: topics.dataTopics });
    }
    const until = atOnce ? Infinity : this.#settledMs;
    return mergeHeads(
      ends
        .filter(({ partition, end }) => partition.next < end)
        .map(({ partition, end }) => ({
          partition,
          heads: partition.heads(end, until, this.#signal),
        })),
    );
  }

  #noNews(newest: EpochMs | null): null {
    if (performance.now() - this.#quietSinceMs < quietMs) return null;
    this.#quietSinceMs = performance.now();
    this.#logger.warn(
      { topic: heartbeatTopic(this.#settings.topics), newest },
      'no heartbeat of Debezium was seen',
    );
    return null;
  }

  /** @throws ADOPT_GAP when a topic no longer has what comes next. */
  async #ends(): Promise<{ partition: AdoptPartition; end: number }[]> {
    const ends: { partition: AdoptPartition; end: number }[] = [];
    const { offsets } = this.#place;
    const found = await reachOf(this.#log, [...this.#layouts.keys()], offsets, this.#signal);
    let rank = 0;
    for (const [topic, layout] of this.#layouts) {
      rank++;
      for (const { partition: number, earliest, next } of found.get(topic) ?? []) {
        const name = `${topic}/${number}`;
        let partition = this.#partitions.get(name);
        if (!partition) {
          const from = offsets[topic]?.[number] ?? 0;
          const where = { topic, partition: number, next: from };
          partition = new AdoptPartition({ log: this.#log, layout, rank, ...where });
          this.#partitions.set(name, partition);
        }
        if (earliest > partition.next || next < partition.next)
          throw new AppError('ADOPT_GAP', {
            topic,
            partition: number,
            needed: partition.next,
            earliest,
            next,
          });
        ends.push({ partition, end: next });
      }
    }
    return ends;
  }

  // Changes of one source transaction stay together, where its GTID tells.
  #sort({ change }: Head, groups: SourceChange[][]): void {
    const last = groups.at(-1);
    const { gtid } = change.position;
    this.#mark.saw(change);
    if (last && gtid !== null && last[0]!.position.gtid === gtid) last.push(change);
    else groups.push([change]);
  }

  #items(groups: readonly SourceChange[][]): SourceItem[] {
    const last = groups.at(-1)?.at(-1)?.position;
    const before = this.#place.offsets;
    // Of all that are followed, also of those that are not there yet.
    const offsets: Record<string, number[]> = { ...before };
    for (const topic of this.#layouts.keys()) offsets[topic] = [...(before[topic] ?? [])];
    for (const { topic, partition, next } of this.#partitions.values())
      offsets[topic]![partition] = next;
    this.#place = { offsets, ...this.#mark.known };
    this.#at = {
      end: last ? { file: last.file, pos: last.pos } : this.#at.end,
      gtid: last?.gtid ?? this.#at.gtid,
      adopted: this.#place,
    };
    return groups.map((changes) => ({
      kind: 'commit',
      changes,
      boundary: this.#at,
      // A snapshot says what is there, not when it came.
      commitMs: changes[0]!.op === 'r' ? null : changes.at(-1)!.commitMs,
    }));
  }

  #endOfRound(groups: readonly SourceChange[][]): readonly SourceItem[] {
    this.#round = null;
    const items = this.#items(groups);
    const { clock, drain, untilMs } = this.#settings;
    if (clock === 'source' || drain) {
      this.#ended = drain || untilMs !== undefined;
      return [...items, { kind: 'passed', boundary: this.#at }];
    }
    const watermarkMs = this.#mark.settled(this.#settledMs);
    return [
      ...items,
      { kind: 'passed', boundary: this.#at, ...(watermarkMs === null ? {} : { watermarkMs }) },
    ];
  }
}
