import { ensureGeneration } from '../../src/aggregate/generation.ts';
import { defaultLimits } from '../../src/aggregate/limits.ts';
import type { Limits } from '../../src/aggregate/limits.ts';
import { PartitionWorker } from '../../src/aggregate/partition-worker.ts';
import { defaultCorrections } from '../../src/domain/correction.ts';
import type { CorrectionRules } from '../../src/domain/correction.ts';
import { fold } from '../../src/domain/fold.ts';
import { quirkSet } from '../../src/domain/quirks.ts';
import type { Preset } from '../../src/domain/quirks.ts';
import type { BatchControl, LogBatch, LogRecord } from '../../src/platform/log/log.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { createMetrics } from '../../src/platform/metrics.ts';
import { migrate } from '../../src/platform/migrate.ts';
import { openPool, parseMysqlUrl, quoteName } from '../../src/platform/mysql.ts';
import type { MysqlTarget, Pool, RowDataPacket } from '../../src/platform/mysql.ts';
import { minute } from '../support/aggregate-feed.ts';
import { recordDigest } from '../support/record-digest.ts';
import { randomSuffix, servers } from '../support/servers.ts';

export const rules = {
  window: { rangeMinutes: 60, timeZone: 'GMT' },
  closeDelayMs: 15 * minute,
  helperTables: true,
  settings: { snapshotVirtualSize: false },
};

export interface WorkerChanges {
  readonly limits?: Partial<Limits>;
  readonly fold?: typeof fold;
  readonly corrections?: CorrectionRules;
}

/** A schema of its own on the real server, with our tables. */
export class AggregateStore implements AsyncDisposable {
  readonly schema = `us_${randomSuffix()}`;
  readonly metrics = createMetrics();
  readonly logger = createLogger({ level: 'silent' });
  target: MysqlTarget = parseMysqlUrl(servers().mariadbUrl);
  readonly pool: Pool = openPool(this.target, 3);
  readonly #preset: Preset;
  readonly #workers: PartitionWorker[] = [];

  private constructor(preset: Preset) {
    this.#preset = preset;
  }

  static async create(preset: Preset = 'correct'): Promise<AggregateStore> {
    const store = new AggregateStore(preset);
    await migrate(store.pool, { schema: store.schema, withCloudUsage: false, dryRun: false });
    return store;
  }

  /** A new generation of hours; its id. */
  async generation(name: string, partitions: number): Promise<number> {
    const { id } = await ensureGeneration(this.pool, {
      ...rules,
      schema: this.schema,
      name,
      feedTopic: 'test.usage-feed',
      feedPartitions: partitions,
      preset: this.#preset,
      quirkOverrides: {},
    });
    return id;
  }

  /** A worker that has claimed the partition. */
  async worker(
    generation: number,
    partition: number,
    changes: WorkerChanges = {},
  ): Promise<PartitionWorker> {
    const { schema, target, logger, metrics } = this;
    const [made] = await this.rows<{ created_at: string }>('generation', `WHERE id=${generation}`);
    const madeAt = String(made?.created_at);
    const worker = await PartitionWorker.open({
      claim: { target, schema, generation, madeAt, partition, owner: 'test' },
      rules: {
        ...rules,
        quirks: quirkSet(this.#preset),
        fold: changes.fold ?? fold,
        corrections: changes.corrections ?? defaultCorrections,
      },
      limits: { ...defaultLimits, ...changes.limits },
      logger,
      metrics,
      onProgress: () => undefined,
    });
    this.#workers.push(worker);
    return worker;
  }

  /** Folds a whole feed into a generation, one partition after the other. */
  async foldAll(
    generation: number,
    logs: readonly (readonly LogRecord[])[],
    size: () => number,
    changes: WorkerChanges = {},
  ): Promise<void> {
    for (const [partition, log] of logs.entries()) {
      const worker = await this.worker(generation, partition, changes);
      for (const batch of batches(partition, log, size)) await worker.handle(batch, calm);
      await worker.close();
    }
  }

  /**
   * Of all records and all that is kept for helper tables. Of copies the newest content: the first window
   * of a partition, which brings those of the beginning, is its own.
   */
  async digest(generation: string): Promise<{ rows: number; digest: string }> {
    const records = await recordDigest(this.pool, this.schema, generation);
    const [rows] = await this.pool.query<RowDataPacket[]>(
      `SELECT COUNT(*) AS n, BIT_XOR(CONV(LEFT(SHA2(CONCAT_WS('|', window, table_name, account_id,
         serial, event_id, body), 256), 15), 16, 10)) AS digest
       FROM (SELECT IF(is_copy, 0, window_start_ms) AS window, table_name, account_id, serial, event_id,
           SUBSTR(MAX(CONCAT(LPAD(window_start_ms, 20, '0'), body)), 21) AS body
         FROM (SELECT *, table_name = 'account' OR table_name LIKE '%statistics' AS is_copy
           FROM ${quoteName(this.schema, 'helper_change')} WHERE generation =
             (SELECT id FROM ${quoteName(this.schema, 'generation')} WHERE name = ?)) AS changes
         GROUP BY 1, 2, 3, 4, 5) AS newest`,
      [generation],
    );
    const helpers = `${String(rows[0]?.['n'])}/${String(rows[0]?.['digest'])}`;
    return { rows: records.rows, digest: `${records.digest} ${helpers}` };
  }

  /** Rows of a table of the schema, as text and numbers. */
  async rows<T>(table: string, rest = ''): Promise<T[]> {
    const [rows] = await this.pool.query<RowDataPacket[]>(
      `SELECT * FROM ${quoteName(this.schema, table)} ${rest}`,
    );
    return rows as T[];
  }

  async count(table: string, where = '1'): Promise<number> {
    const [[row]] = await this.pool.query<RowDataPacket[]>(
      `SELECT COUNT(*) AS n FROM ${quoteName(this.schema, table)} WHERE ${where}`,
    );
    return Number(row?.['n']);
  }

  async metric(name: string, labels: Readonly<Record<string, string>>): Promise<number> {
    const metric = await this.metrics.registry.getSingleMetric(name)?.get();
    const value = metric?.values.find((one) =>
      Object.entries(labels).every(([key, label]) => `${one.labels[key]}` === label),
    );
    return value?.value ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const worker of this.#workers) await worker.close();
    await this.pool.query(`DROP DATABASE ${quoteName(this.schema)}`);
    await this.pool.end();
  }
}

export const calm: BatchControl = { stale: () => false, heartbeat: () => Promise.resolve() };

/** @param startOffset Where the batch before ended; 0 where a test hands in what it likes. */
export const batchOf = (
  partition: number,
  records: readonly LogRecord[],
  startOffset = 0,
): LogBatch => {
  const nextOffset = (records.at(-1)?.offset ?? -1) + 1;
  const offsets = { startOffset, nextOffset, endOffset: nextOffset };
  return { topic: 'test.usage-feed', partition, records, ...offsets };
};

export function* batches(
  partition: number,
  log: readonly LogRecord[],
  size: () => number,
): Generator<LogBatch> {
  for (let at = 0; at < log.length;) {
    const to = at + Math.max(1, size());
    yield batchOf(partition, log.slice(at, to), (log[at - 1]?.offset ?? -1) + 1);
    at = to;
  }
}
