import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { dropGeneration } from '../../src/aggregate/drop-generation.ts';
import { requireGeneration } from '../../src/aggregate/made-generation.ts';
import { openGeneration } from '../../src/aggregate/open-generation.ts';
import { rebuild } from '../../src/aggregate/rebuild.ts';
import { replay } from '../../src/aggregate/replay.ts';
import {
  createSavepoint,
  dropSavepoint,
  requireSavepoint,
  restoreSavepoint,
} from '../../src/aggregate/savepoint.ts';
import { Throttle } from '../../src/aggregate/throttle.ts';
import { createPipeline } from '../../src/cli/demo/pipeline.ts';
import type { Pipeline } from '../../src/cli/demo/pipeline.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { createMetrics } from '../../src/platform/metrics.ts';
import { quoteName } from '../../src/platform/mysql.ts';
import type { RowDataPacket } from '../../src/platform/mysql.ts';
import { plan } from '../../src/simulate/plan.ts';
import { play } from '../../src/simulate/play.ts';
import { recordDigest } from '../support/record-digest.ts';
import { servers } from '../support/servers.ts';
import { runStage, untilArgs } from '../support/stages.ts';
import { StoreCopy } from '../support/store-copy.ts';

/** A history through the tail, once for all, and processes that are killed. */
vi.setConfig({ testTimeout: 60_000, hookTimeout: 90_000 });

const startMs = Date.UTC(2026, 2, 1);
const partitions = 3;
const dayMs = 86_400_000;
const partDays = 6;
const events = 4000;
const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

let pipeline: Pipeline;
beforeAll(async () => {
  const { mariadbUrl, kafkaBrokers } = servers();
  const kafka = kafkaBrokers.join(',');
  pipeline = await createPipeline({ mariadbUrl, kafka, partitions, raw: false });
  await runStage(pipeline, 'tail', ...untilArgs(startMs - dayMs));
  for (const part of [0, 1]) {
    const from = startMs + part * partDays * dayMs;
    const cloud = { seed: 7 + part, zones: 2, accounts: 12, vms: 25, eventsTarget: events / 2 };
    await play(plan({ ...cloud, startMs: from, days: partDays, idBase: part * 1_000_000 }), {
      ...{ target: pipeline.target, cloudSchema: pipeline.names.cloudSchema, pace: 'history' },
      signal: new AbortController().signal,
    });
    // Not to the end: events of the open window wait when the savepoint is made.
    const until = untilArgs(from + (partDays - 1) * dayMs);
    await runStage(pipeline, 'tail', ...until);
    await runStage(pipeline, 'aggregate', ...until);
    const { pool, names } = pipeline;
    const live = await requireGeneration(pool, names.schema, 'main');
    if (part === 0) await createSavepoint(pool, names.schema, 'half', live);
  }
});
afterAll(() => pipeline[Symbol.asyncDispose]());

const io = () => ({
  log: pipeline.log,
  store: pipeline.target,
  logger: createLogger({ level: 'silent' }),
  metrics: createMetrics(),
  signal: new AbortController().signal,
});

async function begin(name: string) {
  const { schema, prefix } = pipeline.names;
  const made = await openGeneration(
    { schema, prefix, name, preset: null, quirkOverrides: {}, window: {}, settings: {} },
    { ...io(), pool: pipeline.pool },
  );
  if (made === null) throw new Error('there is no generation');
  return made;
}

const digest = (name: string) => recordDigest(pipeline.pool, pipeline.names.schema, name);
const count = async (name: string): Promise<number> => {
  const [rows] = await pipeline.pool.query<RowDataPacket[]>(
    `SELECT COUNT(*) AS n FROM ${quoteName(pipeline.names.schema, 'record')} r
     JOIN ${quoteName(pipeline.names.schema, 'generation')} g ON g.id = r.generation WHERE g.name = ?`,
    [name],
  );
  return Number(rows[0]?.['n']);
};

/** The command as a process; resolves with its exit code, null when it was killed. */
function command(...args: readonly string[]) {
  const { schema, prefix } = pipeline.names;
  const child = spawn(
    process.execPath,
    [main, ...args, '--schema', schema, '--prefix', prefix, '--log-level', 'silent'],
    {
      env: {
        ...process.env,
        USAGESTREAM_SINK: servers().mariadbUrl,
        USAGESTREAM_LOG: `kafka://${servers().kafkaBrokers.join(',')}`,
      },
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  const out: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  const exited = (once(child, 'close') as Promise<[number | null]>).then(([code]) => code);
  return { child, exited, text: () => Buffer.concat(out).toString() };
}

test('a rebuild killed three times with SIGKILL makes the rows of one that was not', async () => {
  const rows = await count('main');
  await begin('killed');
  for (let kills = 0; kills < 3; kills++) {
    // Slow enough to be met on its way.
    const run = command('rebuild', 'killed', '--max-rate', '1500');
    while ((await count('killed')) < (rows * (kills + 1)) / 5)
      await new Promise((resolve) => setTimeout(resolve, 20));
    run.child.kill('SIGKILL');
    expect(await run.exited).toBeNull();
  }
  const last = command('rebuild', 'killed', '--json');
  expect(await last.exited).toBe(0);
  expect(last.text()).toContain('"done":true');
  expect(await digest('killed')).toEqual(await digest('main'));
});

/** Small batches; all partitions wait for each other before each, and what is told is done when none writes. */
class InStep extends Throttle {
  readonly #rounds: (() => Promise<void>)[];
  #waiting: (() => void)[] = [];

  constructor(rounds: (() => Promise<void>)[]) {
    super(600, systemClock);
    this.#rounds = rounds;
  }

  override async take(): Promise<void> {
    if (this.#rounds.length === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#waiting.push(resolve) < partitions) return promise;
    await this.#rounds.shift()?.();
    for (const go of this.#waiting.splice(0)) go();
    return promise;
  }
}

test('a rebuild whose store went back goes on from where the tables are, and passes over nothing', async () => {
  const generation = await begin('back');
  const { schema } = pipeline.names;
  await using copies = new AsyncDisposableStack();
  let copy: StoreCopy;
  const throttle = new InStep([
    async () => void (copy = copies.use(await StoreCopy.take(pipeline.target, [schema]))),
    async () => {},
    async () => {
      await copy.restore();
      await copy.cut();
    },
  ]);
  const metrics = createMetrics();
  await rebuild({ schema, generation, throttle }, { ...io(), metrics });
  expect(await digest('back')).toEqual(await digest('main'));
  expect((await metrics.retries.get()).values).toContainEqual(
    expect.objectContaining({ labels: { room: 'aggregate', code: 'STORE_WENT_BACK' } }),
  );
});

test('a rebuild until a time closes the windows that end by then, and the next goes on', async () => {
  const { schema } = pipeline.names;
  const generation = await begin('parts');
  const half = await rebuild({ schema, generation, untilMs: startMs + 5 * dayMs }, io());
  expect(half.closedUntilMs).toBeGreaterThanOrEqual(startMs + 5 * dayMs);
  await rebuild({ schema, generation }, io());
  expect(await digest('parts')).toEqual(await digest('main'));
  expect(await rebuild({ schema, generation }, io())).toMatchObject({ records: 0, rows: 0 });
});

test('a replay changes nothing and says so; a row that was tampered with is found', async () => {
  const { schema } = pipeline.names;
  const generation = await requireGeneration(pipeline.pool, schema, 'main');
  const before = await digest('main');
  const same = await replay({ pool: pipeline.pool, schema, generation }, io());
  expect(same).toMatchObject({ isSame: true, rows: { equal: before.rows } });
  expect(same.events.equal).toBe(events);
  expect(await digest('main')).toEqual(before);
  const record = quoteName(schema, 'record');
  const change = `UPDATE ${record} SET quantity = quantity + ? WHERE generation = ? LIMIT 1`;
  await pipeline.pool.query(change, [1, generation.id]);
  const tampered = await replay({ pool: pipeline.pool, schema, generation }, io());
  expect(tampered).toMatchObject({ isSame: false, rows: { differing: 1 } });
  await pipeline.pool.query(change, [-1, generation.id]);
});

test('a rebuild from a savepoint makes the rows of one from the start', async () => {
  const { schema } = pipeline.names;
  const { pool } = pipeline;
  const next = await begin('next');
  const live = await requireGeneration(pool, schema, 'main');
  const savepoint = await requireSavepoint(pool, schema, 'half');
  await restoreSavepoint(pool, schema, savepoint, live, next);
  const given = await count('next');
  expect(given).toBeGreaterThan(0);
  expect(given).toBeLessThan(await count('main'));
  const { records } = await rebuild({ schema, generation: next }, io());
  expect(await digest('next')).toEqual(await digest('main'));
  const whole = await rebuild({ schema, generation: await begin('whole') }, io());
  expect(records).toBeLessThan(whole.records);
});

test('a savepoint needs one window for all partitions and a name of its own; what it is of cannot be dropped', async () => {
  const { schema } = pipeline.names;
  const { pool } = pipeline;
  const empty = await begin('empty');
  await expect(createSavepoint(pool, schema, 'early', empty)).rejects.toMatchObject({
    code: 'SAVEPOINT_NOT_CLOSED',
  });
  const kept = await begin('kept');
  await rebuild({ schema, generation: kept }, io());
  await createSavepoint(pool, schema, 'end', kept);
  await expect(createSavepoint(pool, schema, 'end', kept)).rejects.toMatchObject({
    code: 'SAVEPOINT_EXISTS',
  });
  const drop = () => dropGeneration(pool, schema, kept.id);
  await expect(drop()).rejects.toMatchObject({ code: 'GENERATION_IN_USE' });
  await dropSavepoint(pool, schema, 'end');
  await drop();
  expect(await count('kept')).toBe(0);
  await expect(requireGeneration(pool, schema, 'kept')).rejects.toMatchObject({
    code: 'GENERATION_MISSING',
  });
});
