import manifest from '../../package.json' with { type: 'json' };
import type { EpochMs } from '../contracts/time.ts';
import { defaultAnswerMs } from '../platform/answer-limit.ts';
import type { MysqlTarget } from '../platform/mysql.ts';
import type { BinlogPoint } from './binlog-point.ts';
import { noZones } from './zone-slices.ts';
import type { ZonePlan } from './zone-slices.ts';

/** How `source.version` of our own raw records begins. */
export const ownVersion = 'usagestream-';

export interface TailOptions {
  readonly source: MysqlTarget;
  /** Name of CloudStack's schema, normally `cloud`. */
  readonly cloudSchema: string;
  /** Topic prefix; also the name of the source in positions and origins. */
  readonly prefix: string;
  /** Fixed for the life of a feed. */
  readonly feedPartitions: number;
  /** Partitions that zones have to themselves; by default none has. */
  readonly zones?: ZonePlan;
  /** Also write the raw topics in Debezium's form. */
  readonly raw: boolean;
  readonly clock: 'wall' | 'source';
  /** Ends when every window that ends by then can close. */
  readonly untilMs?: EpochMs;
  readonly closeDelayMs: number;
  /** Our id as a reader of the binlog; by default made from the prefix. */
  readonly serverId?: number;
  /** Memory for changes that were read and not yet written, bytes. */
  readonly maxQueueBytes?: number;
  /** Quiet time after which what there is is committed, ms. */
  readonly lingerMs?: number;
  /** A batch is committed at the next boundary after so many bytes; a backlog makes batches four times as large. */
  readonly commitBytes?: number;
  /** A partition without a record for so long gets a bare watermark, ms. */
  readonly silenceMs?: number;
  /** How often the server's clock is read, ms. */
  readonly sampleMs?: number;
  readonly snapshotChunkRows?: number;
  /** How often an idle server sends a sign of life, ms; twice this is a dead peer. */
  readonly heartbeatMs?: number;
  /** The source's server drops a reader that stands still for so long; we leave after half of it, ms. */
  readonly standstillMs?: number;
  /** A tailer that is silent for so long loses its lead, ms. */
  readonly sessionTimeoutMs?: number;
  /** A write to the log that takes longer is given up and begun anew, ms. */
  readonly writeTimeoutMs?: number;
  /** Where changes come from: the binlog, or the tables themselves, read again and again. */
  readonly sourceMode?: 'binlog' | 'poll';
  /** Time between two polls, ms. */
  readonly pollMs?: number;
  /** How long after its id was given out a row may commit and still be found by polling, ms. */
  readonly pollWindowMs?: number;
  /** What to do when reading cannot go on from where it was: read what is missing by id, or stop. */
  readonly onSourceChange?: 'heal' | 'stop';
  /** Heal by id instead of reading on from a place up to here: a change after it cannot be read. */
  readonly healPast?: BinlogPoint;
  /** How far back of its last watermark events are compared when the source is healed, ms. */
  readonly healBackMs?: number;
  /** Events and details held in memory for that, at most. */
  readonly healLimit?: number;
  /** Give up instead of trying again when log or source cannot be reached at all at start. */
  readonly failFast?: boolean;
  /** Written as `source.version` of raw records. */
  readonly version?: string;
}

export type TailSettings = Required<Omit<TailOptions, 'untilMs' | 'healPast'>> &
  Pick<TailOptions, 'untilMs' | 'healPast'>;

/** Of a server that is followed, and nothing else. */
type OfServer =
  | ('source' | 'serverId' | 'maxQueueBytes' | 'snapshotChunkRows' | 'heartbeatMs' | 'standstillMs')
  | (
      | 'sourceMode'
      | 'pollMs'
      | 'pollWindowMs'
      | 'onSourceChange'
      | 'healBackMs'
      | 'healLimit'
      | 'healPast'
    );

/** What a stream needs to know whatever it follows. */
export type StreamOptions = Omit<TailOptions, OfServer>;
export type StreamSettings = Omit<TailSettings, OfServer>;

export const withStreamDefaults = <T extends StreamOptions>(options: T) => ({
  lingerMs: 50,
  commitBytes: 2 * 1024 * 1024,
  silenceMs: 10_000,
  sampleMs: 1000,
  sessionTimeoutMs: 10_000,
  writeTimeoutMs: 60_000,
  failFast: false,
  zones: noZones,
  version: `${ownVersion}${manifest.version}`,
  ...options,
});

export const withDefaults = (options: TailOptions): TailSettings => ({
  serverId: readerId(options.prefix),
  maxQueueBytes: 2 * 1024 * 1024,
  snapshotChunkRows: 5000,
  heartbeatMs: 5000,
  standstillMs: 600_000,
  sourceMode: 'binlog',
  pollMs: 30_000,
  pollWindowMs: 10 * 60_000,
  onSourceChange: 'heal',
  healBackMs: 24 * 3_600_000,
  healLimit: 1_000_000,
  ...withStreamDefaults(options),
  source: { answerMs: defaultAnswerMs, ...options.source },
});

// Far above the ids that people choose; the same for the stand-by, so that the server drops a dead leader's reader.
export function readerId(prefix: string): number {
  let hash = 17;
  for (const char of prefix) hash = (Math.imul(hash, 31) + char.codePointAt(0)!) | 0;
  return 0x5000_0000 + (hash & 0x0fff_ffff);
}

/** What the tail is doing, for a person or a metric. */
export type TailProgress =
  | { readonly phase: 'standby' }
  | {
      readonly phase: 'snapshot';
      readonly table: string;
      readonly rows: number;
      readonly watermarkMs: EpochMs | null;
    }
  | {
      readonly phase: 'heal';
      /** Rows written so far. */
      readonly rows: number;
      readonly watermarkMs: EpochMs | null;
    }
  | {
      readonly phase: 'stream';
      /** Row changes written since this session began. */
      readonly changes: number;
      readonly at: BinlogPoint;
      readonly watermarkMs: EpochMs | null;
    };

export interface TailResult {
  readonly reason: 'stopped' | 'until';
}
