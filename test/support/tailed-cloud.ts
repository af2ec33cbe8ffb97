import { readFile } from 'node:fs/promises';
import { createConnection } from 'mysql2/promise';
import { pino } from 'pino';
import { FeedRecord } from '../../src/contracts/feed-record.ts';
import { systemClock } from '../../src/platform/clock.ts';
import type { Clock } from '../../src/platform/clock.ts';
import { openKafkaLog } from '../../src/platform/log/kafka.ts';
import type { EventLog, LogRecord } from '../../src/platform/log/log.ts';
import { createMetrics } from '../../src/platform/metrics.ts';
import { mysqlOptions, parseMysqlUrl, quoteName } from '../../src/platform/mysql.ts';
import type { Connection, MysqlTarget } from '../../src/platform/mysql.ts';
import { compareBinlogPoints } from '../../src/tail/binlog-point.ts';
import { capturedTables } from '../../src/tail/captured-tables.ts';
import { binlogEnd } from '../../src/tail/server-facts.ts';
import { runTail } from '../../src/tail/tailer.ts';
import type { TailOptions, TailProgress, TailResult } from '../../src/tail/tailer.ts';
import { changeEvents, deadLetters, placement, positions, usageFeed } from '../../streams/index.ts';
import { randomSuffix, servers } from './servers.ts';

/** A `cloud` schema of its own, a log, and tailers over them; all of it goes at the end. */
export interface TailedCloud extends AsyncDisposable {
  readonly target: MysqlTarget;
  readonly sql: Connection;
  readonly cloudSchema: string;
  readonly prefix: string;
  readonly log: EventLog;
  readonly options: TailOptions;
  /** @param over Another connection to the brokers than the cloud's own. */
  start(more?: Partial<TailOptions>, over?: EventLog, clock?: Clock): RunningTail;
  /** All committed records of a topic so far, partition by partition. */
  records(topic: string): Promise<readonly (LogRecord & { readonly partition: number })[]>;
  feed(): Promise<
    readonly (FeedRecord & { readonly partition: number; readonly key: string | null })[]
  >;
  raw(table: string): Promise<readonly { readonly key: string; readonly value: string | null }[]>;
  deadLetters(): Promise<readonly { readonly reason: string }[]>;
}

export interface RunningTail {
  readonly done: Promise<TailResult>;
  readonly progress: readonly TailProgress[];
  readonly metrics: ReturnType<typeof createMetrics>;
  stop(): Promise<TailResult>;
  /** Resolves with the first progress for which this holds, rejects when the tailer ends before. */
  when(holds: (progress: TailProgress) => boolean): Promise<TailProgress>;
  /** Everything that the source has committed by now has been committed to the log. */
  whenCaughtUp(): Promise<void>;
}

const cloudTables = new URL('../../deploy/dev/cloud-4.23.sql', import.meta.url);

/** @param url, brokers Of other servers than the shared ones, for tests that hurt them. */
export async function tailedCloud(
  url = servers().mariadbUrl,
  brokers = servers().kafkaBrokers,
): Promise<TailedCloud> {
  const cloudSchema = `tail_${randomSuffix()}`;
  const prefix = `t${randomSuffix()}`;
  const target = parseMysqlUrl(url);
  const sql = await createConnection({ ...mysqlOptions(target), multipleStatements: true });
  await sql.query(`CREATE DATABASE ${cloudSchema} CHARACTER SET utf8mb4; USE ${cloudSchema}`);
  await sql.query(await readFile(cloudTables, 'utf8'));
  const logger = pino({ level: process.env['TAIL_TEST_LOG'] ?? 'silent' });
  const log = await openKafkaLog({ brokers, clientId: prefix, logger });
  const running = new Set<RunningTail>();
  const options: TailOptions = {
    source: target,
    cloudSchema,
    prefix,
    feedPartitions: 3,
    raw: true,
    clock: 'wall',
    closeDelayMs: 60_000,
    silenceMs: 200,
    sampleMs: 100,
    sessionTimeoutMs: 6000,
  };

  const records: TailedCloud['records'] = async (topic) => {
    const all: (LogRecord & { partition: number })[] = [];
    for (const { partition, earliest, next } of await log.offsets(topic)) {
      if (next === earliest) continue;
      const { signal } = new AbortController();
      for await (const batch of log.read({ topic, partition, from: earliest, until: next, signal }))
        all.push(...batch.records.map((record) => ({ ...record, partition })));
    }
    return all;
  };

  return {
    target,
    sql,
    cloudSchema,
    prefix,
    log,
    options,
    records,
    start(more = {}, over = log, clock = systemClock) {
      const tail = startTail({ ...options, ...more }, over, sql, clock);
      running.add(tail);
      return tail;
    },
    async feed() {
      const found = await records(usageFeed.topic(prefix));
      return found.map(({ partition, key, value }) => ({
        ...FeedRecord.parse(JSON.parse(String(value))),
        partition,
        key: key?.toString() ?? null,
      }));
    },
    async raw(table) {
      const found = await records(changeEvents(cloudSchema, table).topic(prefix));
      return found.map(({ key, value }) => ({
        key: String(key),
        value: value?.toString() ?? null,
      }));
    },
    async deadLetters() {
      const found = await records(deadLetters.topic(prefix));
      return found.map(({ value }) => JSON.parse(String(value)) as { reason: string });
    },
    async [Symbol.asyncDispose]() {
      await Promise.allSettled([...running].map((tail) => tail.stop()));
      const raw = capturedTables.map((table) => changeEvents(cloudSchema, table.name));
      const streams = [positions, placement, usageFeed, deadLetters, ...raw];
      await log.deleteTopics(streams.map((stream) => stream.topic(prefix)));
      await log[Symbol.asyncDispose]();
      sql.destroy();
      // Another connection: the server may have been restarted.
      const last = await createConnection(mysqlOptions(target));
      await last.query(`DROP DATABASE ${quoteName(cloudSchema)}`);
      await last.end();
    },
  };
}

function startTail(
  options: TailOptions,
  log: EventLog,
  sql: Connection,
  clock: Clock,
): RunningTail {
  const abort = new AbortController();
  const progress: TailProgress[] = [];
  const waiting = new Set<(progress: TailProgress) => void>();
  const metrics = createMetrics();
  const logger = pino({ level: process.env['TAIL_TEST_LOG'] ?? 'silent' });
  const done = runTail(options, {
    log,
    logger,
    metrics,
    clock,
    signal: abort.signal,
    onProgress: (each) => {
      progress.push(each);
      for (const wake of waiting) wake(each);
    },
  });
  done.catch(() => {});
  const when: RunningTail['when'] = (holds) =>
    Promise.race([
      new Promise<TailProgress>((resolve) => {
        const last = progress.at(-1);
        if (last && holds(last)) return resolve(last);
        const wake = (each: TailProgress) => {
          if (!holds(each)) return;
          waiting.delete(wake);
          resolve(each);
        };
        waiting.add(wake);
      }),
      done.then(({ reason }) => Promise.reject(new Error(`the tailer ended: ${reason}`))),
    ]);
  return {
    done,
    progress,
    metrics,
    when,
    stop() {
      abort.abort();
      return done;
    },
    async whenCaughtUp() {
      const end = await binlogEnd(sql);
      await when((each) => each.phase === 'stream' && compareBinlogPoints(each.at, end) >= 0);
    },
  };
}

/** Values of one usage event; what is not given is NULL or a default. */
export const insertEvent = (
  sql: Connection,
  row: Readonly<Record<string, string | number | null>> = {},
): Promise<unknown> =>
  sql.query('INSERT INTO usage_event SET ?', [
    { type: 'VM.START', account_id: 2, created: '2026-03-01 00:00:00', zone_id: 1, ...row },
  ]);
