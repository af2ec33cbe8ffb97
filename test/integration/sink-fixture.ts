import { readFileSync, readdirSync } from 'node:fs';
import { createConnection } from 'mysql2/promise';
import type { Connection } from 'mysql2/promise';
import { systemClock } from '../../src/platform/clock.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { createMetrics } from '../../src/platform/metrics.ts';
import { schemaVersion } from '../../src/platform/migrate.ts';
import { mysqlOptions, parseMysqlUrl } from '../../src/platform/mysql.ts';
import type { MysqlTarget } from '../../src/platform/mysql.ts';
import { runSink } from '../../src/sink/sink.ts';
import type { SinkIo, SinkOptions, SinkProgress } from '../../src/sink/sink.ts';
import { randomSuffix, servers } from '../support/servers.ts';

export const day = 86_400_000;
export const firstDay = Date.UTC(2026, 2, 1);
export const partitions = 2;

/** A row of `record` in words; the rest has defaults. */
export interface TestRow {
  readonly account: string;
  readonly type?: number;
  readonly key?: string;
  readonly startMs?: number;
  readonly columns?: Readonly<Record<string, unknown>>;
}

/** In order of their numbers. */
const ownMigrations = readdirSync(new URL('../../deploy/migrations/', import.meta.url))
  .filter((name) => /^\d{4}-/.test(name))
  .toSorted()
  .map((name) => `deploy/migrations/${name}`);
const file = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

/** Two schemas of their own on the real server, with our tables, CloudStack's, and a live generation of days. */
export class TestStore implements AsyncDisposable {
  readonly target: MysqlTarget;
  readonly suffix = randomSuffix();
  readonly schema = `us_${this.suffix}`;
  readonly cloudUsage = `cu_${this.suffix}`;
  #root: Connection;

  private constructor(target: MysqlTarget, root: Connection) {
    this.target = target;
    this.#root = root;
  }

  /** @param url Of another server than the shared one, for tests that hurt it. */
  static async create(url = servers().mariadbUrl): Promise<TestStore> {
    const target = parseMysqlUrl(url);
    const root = await createConnection({ ...mysqlOptions(target), multipleStatements: true });
    const store = new TestStore(target, root);
    await root.query(`CREATE DATABASE ${store.schema}; USE ${store.schema};
      ${ownMigrations.map(file).join('\n')}`);
    await root.query(`CREATE DATABASE ${store.cloudUsage}; USE ${store.cloudUsage};
      ${file('deploy/migrations/cloud-usage-4.23.sql')}`);
    await store.sql(`INSERT INTO us.schema_version (version) VALUES (${schemaVersion})`);
    await store.sql(
      `INSERT INTO us.generation (id, name, state, feed_topic, feed_partitions, range_minutes, time_zone,
         close_delay_ms, preset, settings) VALUES (1, 'g1', 'live', 'feed', ?, 1440, 'GMT', 0, 'correct', '{}')`,
      [partitions],
    );
    return store;
  }

  /** After a restart of the server. */
  async reconnect(): Promise<void> {
    this.#root.destroy();
    const options = { ...mysqlOptions(this.target), multipleStatements: true };
    this.#root = await createConnection(options);
  }

  /** Runs SQL as root; `us.` and `cu.` stand for the two schemas. */
  async sql(text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
    const named = text
      .replaceAll(/\bus\./g, `${this.schema}.`)
      .replaceAll(/\bcu\./g, `${this.cloudUsage}.`);
    const [rows] = await this.#root.query(named, values);
    return Array.isArray(rows) ? (rows as Record<string, unknown>[]) : [];
  }

  /** Another connection to the same schemas, for one who reads along. */
  static async reader(store: TestStore): Promise<{
    value: (text: string) => Promise<unknown>;
    end: () => Promise<void>;
  }> {
    const connection = await createConnection(mysqlOptions(store.target));
    return {
      value: async (text) => {
        const [rows] = await connection.query(text.replaceAll(/\bcu\./g, `${store.cloudUsage}.`));
        return Object.values((rows as object[])[0] ?? {})[0];
      },
      end: () => connection.end(),
    };
  }

  async value(text: string, values: unknown[] = []): Promise<unknown> {
    return Object.values((await this.sql(text, values))[0] ?? {})[0];
  }

  /** Every partition has closed all windows that end by then; a partition alone when it is named. */
  async close(untilMs: number, partition?: number): Promise<void> {
    for (let p = 0; p < partitions; p++)
      if (partition === undefined || p === partition)
        await this.sql(
          `INSERT INTO us.progress (generation, partition_id, opened_ms, closed_until_ms)
           VALUES (1, ?, ?, ?) ON DUPLICATE KEY UPDATE closed_until_ms = VALUES(closed_until_ms)`,
          [p, firstDay + 1000, untilMs],
        );
  }

  async addRows(rows: readonly TestRow[]): Promise<void> {
    for (const row of rows) {
      const startMs = row.startMs ?? firstDay;
      const key = row.key ?? 'vm:1';
      const type = row.type ?? 1;
      const columns = {
        generation: 1,
        window_start_ms: startMs,
        window_end_ms: startMs + day,
        account_id: row.account,
        partition_id: Number(BigInt(row.account) % BigInt(partitions)),
        usage_type: type,
        natural_key: key,
        quantity: 86_400_000,
        zone_id: 1,
        domain_id: 1,
        description: `running time of ${key}`,
        usage_display: '24 Hrs',
        raw_usage: 24,
        is_hidden: 0,
        start_date: new Date(startMs).toISOString().slice(0, 19).replace('T', ' '),
        end_date: new Date(startMs + day - 1).toISOString().slice(0, 19).replace('T', ' '),
        lineage: '[]',
        ...row.columns,
      };
      const id = `${row.account}/${type}/${key}/${startMs}`;
      await this.sql('INSERT INTO us.record SET record_id = UNHEX(LEFT(SHA2(?, 256), 32)), ?', [
        id,
        columns,
      ]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#root.query(`DROP DATABASE ${this.schema}; DROP DATABASE ${this.cloudUsage}`);
    await this.#root.end();
  }
}

/** A sink under way; it is stopped when disposed. */
export interface RunningSink extends AsyncDisposable {
  /** Settles as runSink does. */
  readonly done: Promise<void>;
  stop(): Promise<void>;
  /** Resolves at the first progress, past or future, that passes. */
  whenProgress(passes: (progress: SinkProgress) => boolean): Promise<SinkProgress>;
}

export function startSink(
  store: TestStore,
  options: Partial<SinkOptions> = {},
  io: Partial<SinkIo> = {},
): RunningSink {
  const controller = new AbortController();
  const seen: SinkProgress[] = [];
  const waiting = new Set<() => void>();
  const done = runSink(
    {
      schema: store.schema,
      cloudUsageSchema: store.cloudUsage,
      prefix: `t${store.suffix}`,
      feedPartitions: partitions,
      generation: 'g1',
      mode: 'primary',
      host: 'usagestream@test/127.0.0.1',
      pid: 4242,
      pollMs: 20,
      leaseMs: 1500,
      heartbeatMs: 100,
      ...options,
    },
    {
      log: null,
      store: store.target,
      logger: createLogger({ level: 'silent' }),
      metrics: createMetrics(),
      clock: systemClock,
      ...io,
      signal: controller.signal,
      onProgress: (progress) => {
        if (seen.push(progress) > 1000) seen.shift();
        for (const wake of waiting) wake();
      },
    },
  );
  done.catch(() => {}); // a test that expects a fault awaits `done` later
  const stop = async () => {
    controller.abort();
    await done;
  };
  return {
    done,
    stop,
    whenProgress: (passes) => {
      const progressed = new Promise<SinkProgress>((resolve) => {
        const wake = () => {
          const found = seen.find(passes);
          if (!found) return;
          waiting.delete(wake);
          resolve(found);
        };
        waiting.add(wake);
        wake();
      });
      // a sink that fails first fails the wait
      const ended = done.then(() => Promise.reject(new Error('the sink ended first')));
      return Promise.race([progressed, ended]);
    },
    [Symbol.asyncDispose]: async () => {
      controller.abort();
      await done.catch(() => {});
    },
  };
}

/** Runs a sink until every window that ends by then is published. */
export async function publishUntil(
  store: TestStore,
  untilMs: number,
  options: Partial<SinkOptions> = {},
  io: Partial<SinkIo> = {},
): Promise<void> {
  await startSink(store, { untilMs, ...options }, io).done;
}
