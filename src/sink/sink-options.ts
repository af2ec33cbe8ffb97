import type { EpochMs } from '../contracts/time.ts';
import type { Clock } from '../platform/clock.ts';
import type { EventLog } from '../platform/log/log.ts';
import type { Logger } from '../platform/logger.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { MysqlTarget } from '../platform/mysql.ts';
import type { AlertTarget } from './usage-alerts.ts';

/** `primary` writes CloudStack's tables; `shadow` writes none of them, beside a running Java server. */
export type SinkMode = 'shadow' | 'primary';

export interface SinkOptions {
  /** UsageStream's own schema. */
  readonly schema: string;
  /** CloudStack's schema with `cloud_usage` and `usage_job`, on the same server. */
  readonly cloudUsageSchema: string;
  /** Prefix of the topics, and of the transactional id. */
  readonly prefix: string;
  /** Partitions of the feed that the generation is folded from. */
  readonly feedPartitions: number;
  /** Name of the generation to publish. */
  readonly generation: string;
  readonly mode: SinkMode;
  /** In mode primary: keep the tables that a Java usage server needs to go on; default true. */
  readonly helperTables?: boolean;
  /** In mode primary: where to raise CloudStack's alert of a failed usage job; default nowhere. */
  readonly alerts?: AlertTarget | null;
  /** In mode primary: change published rows that a correction wants changed; default false. */
  readonly mayAmend?: boolean;
  /**
   * `usage_job.host`: must begin with {@link sinkHostPrefix}, so that it differs from that of a Java
   * usage server on the same machine (which deletes open rows of its own host when it starts).
   */
  readonly host: string;
  /** `usage_job.pid`. */
  readonly pid: number;
  /** End when every window that ends by this instant is published and the outbox is empty. */
  readonly untilMs?: EpochMs;
  /** How often to look for a closed window or a free lease, ms. */
  readonly pollMs?: number;
  /** How long the lease outlives its last renewal, ms: the longest wait for a take-over. */
  readonly leaseMs?: number;
  /** How often `usage_job.heartbeat` is renewed, ms; CloudStack alarms after 10 minutes. */
  readonly heartbeatMs?: number;
}

export interface SinkProgress {
  readonly leader: boolean;
  /** End of the newest published window; null before the first. */
  readonly lastPublishedEndMs: EpochMs | null;
  /** Rows published by this process. */
  readonly rows: number;
  /** Windows and corrections that the topics have yet to get. */
  readonly pendingOutbox: number;
}

export interface SinkIo {
  /** null: no topics; then nothing is put into the outbox either. */
  readonly log: EventLog | null;
  readonly store: MysqlTarget;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: SinkProgress) => void;
}

/** Every UsageStream sink writes a host of this form; only one of them leads at a time (the lease). */
export const sinkHostPrefix = 'usagestream@';
