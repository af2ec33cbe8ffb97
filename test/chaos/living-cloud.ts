import { setTimeout as sleep } from 'node:timers/promises';
import type { EpochMs } from '../../src/contracts/time.ts';
import { openConnection, quoteName } from '../../src/platform/mysql.ts';
import type { MysqlTarget } from '../../src/platform/mysql.ts';
import { plan } from '../../src/simulate/plan.ts';
import { play } from '../../src/simulate/play.ts';
import { recount } from '../../src/simulate/recount.ts';
import type { Recount } from '../../src/simulate/recount.ts';
import type { Statement } from '../../src/simulate/statement.ts';

const hourMs = 3_600_000;
/** Nothing commits more than four minutes after its event time; the close delay of an hour is fifteen. */
const settleMs = 30 * 60_000;

export const rangeMinutes = 60;

export interface LivingCloudOptions {
  /** Always the server itself: what hurts the pipeline does not hurt the cloud. */
  readonly target: MysqlTarget;
  readonly cloudSchema: string;
  readonly cloudUsageSchema: string;
  readonly seed: number;
  readonly vms?: number;
}

/** A small cloud that lives hour by hour for as long as somebody plays it, with windows of an hour. */
export class LivingCloud {
  readonly startMs: EpochMs = Date.UTC(2026, 4, 1);
  readonly #options: LivingCloudOptions;
  readonly #statements: Iterator<Statement>;
  #next: Statement | undefined;
  #atMs: EpochMs = this.startMs;
  #events = 0;
  /** Ids of what is strange begin above every id of the plan. */
  #strange = 0;

  constructor(options: LivingCloudOptions) {
    this.#options = options;
    const { seed, vms = 15 } = options;
    const days = 3650;
    this.#statements = plan({ seed, startMs: this.startMs, days, zones: 2, accounts: 5, vms });
    this.#next = this.#take();
  }

  /** Simulated time up to which everything has been committed. */
  get atMs(): EpochMs {
    return this.#atMs;
  }

  /** Usage events played. */
  get events(): number {
    return this.#events;
  }

  /** Lives for so long, as fast as the server takes it. */
  async live(ms: number): Promise<void> {
    const { target, cloudSchema } = this.#options;
    const untilMs = this.#atMs + ms;
    const slice: Statement[] = [];
    for (; this.#next && this.#next.commitMs < untilMs; this.#next = this.#take())
      slice.push(this.#next);
    const { signal } = new AbortController();
    this.#events += (await play(slice, { target, cloudSchema, pace: 'history', signal })).events;
    this.#atMs = untilMs;
  }

  /** Lives at a pace until the work is over; ends on a full hour that can close. */
  async liveDuring(work: Promise<unknown>, pace: { simulatedMs: number; everyMs: number }) {
    let isOver = false;
    const over = () => void (isOver = true);
    work.then(over, over);
    while (!isOver) {
      await this.live(pace.simulatedMs);
      await sleep(pace.everyMs);
    }
    await work;
  }

  /** Lives on to the end of the hour and a little more. @returns the end of the last whole window */
  async finishHour(): Promise<EpochMs> {
    const untilMs = Math.ceil(this.#atMs / hourMs) * hourMs;
    await this.live(untilMs - this.#atMs + settleMs);
    return untilMs;
  }

  /**
   * A snapshot without its size, which its rule refuses, and a template that is told hours late: a dead
   * letter and a correction, of types that the recount does not count.
   */
  async haveTrouble(): Promise<void> {
    const n = ++this.#strange;
    const id = 2_000_000_000 + 2 * n;
    const event = (more: string) => `INSERT INTO ${this.#table('usage_event')}
        (account_id, id, zone_id, resource_id, type, created, resource_name, size, template_id)
      SELECT MAX(id), ${more} FROM ${this.#table('account')}`;
    const created = (agoS: number) => `FROM_UNIXTIME(${this.#atMs / 1000 - agoS})`;
    await this.#runNow(
      event(`${id}, 1, ${n}, 'SNAPSHOT.CREATE', ${created(0)}, 'sizeless', NULL, 1`),
      event(`${id + 1}, 1, ${n}, 'TEMPLATE.CREATE', ${created(5 * 3600)}, 'late', 4096, NULL`),
    );
  }

  /** One transaction of so many rows, of a captured table that nothing is billed from. */
  async commitLargeTransaction(rows: number): Promise<void> {
    const from = 1_000_000 * ++this.#strange;
    const cells = Array.from({ length: rows }, (_, i) => [from + i, 2, 0, `t${i}`]);
    await this.#runNow(
      `INSERT INTO ${this.#table('vm_template')} (id, account_id, public, name) VALUES ${cells
        .map(([id, account, isPublic, name]) => `(${id},${account},${isPublic},'${name}')`)
        .join(',')}`,
    );
  }

  /**
   * Every row of the windows that ended by then, compared with an independent count of the events.
   * @param on Where the rows are, and a copy of the cloud.
   */
  async recount(untilMs: EpochMs, on = this.#options.target): Promise<Recount> {
    const { cloudSchema, cloudUsageSchema } = this.#options;
    const connection = await openConnection(on, 'STORE');
    try {
      const fromMs = this.startMs;
      const schemas = { cloudSchema, cloudUsageSchema };
      return await recount(connection, { ...schemas, fromMs, untilMs, rangeMinutes });
    } finally {
      await connection.end();
    }
  }

  #table(name: string): string {
    return quoteName(this.#options.cloudSchema, name);
  }

  /** Without a default schema, by which the pipeline's connections are known to those who kill them. */
  async #runNow(...statements: readonly string[]): Promise<void> {
    const connection = await openConnection(this.#options.target, 'SOURCE');
    try {
      await connection.query(
        `SET time_zone = '+00:00', sql_mode = '', TIMESTAMP = ${this.#atMs / 1000}`,
      );
      for (const sql of statements) await connection.query(sql);
    } finally {
      await connection.end();
    }
  }

  #take(): Statement | undefined {
    const next = this.#statements.next();
    return next.done === true ? undefined : next.value;
  }
}
