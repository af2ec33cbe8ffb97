import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { freePort } from '../../deploy/dev/ports.ts';
import { createPipeline } from '../../src/cli/demo/pipeline.ts';
import { isExact } from '../../src/cli/demo/summary.ts';
import { demoScenario, demoStatements } from '../../src/cli/demo/scenario.ts';
import { openConnection } from '../../src/platform/mysql.ts';
import { play } from '../../src/simulate/play.ts';
import { recount } from '../../src/simulate/recount.ts';
import { servers } from '../support/servers.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

function usagestream(args: readonly string[], env: Record<string, string> = {}) {
  const result = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', main, ...args],
    { env: { ...process.env, ...env }, encoding: 'utf8', timeout: 100_000 },
  );
  return { code: result.status, out: result.stdout, err: result.stderr };
}

test(
  'run: one process, settings from a YAML file, takes a snapshot of a history to cloud_usage and ends with 0',
  { timeout: 120_000 },
  async () => {
    const { mariadbUrl, kafkaBrokers } = servers();
    const kafka = kafkaBrokers.join(',');
    await using pipeline = await createPipeline({ mariadbUrl, kafka });
    const { names } = pipeline;
    await play(demoStatements(5), {
      target: pipeline.target,
      cloudSchema: names.cloudSchema,
      pace: 'history',
      signal: new AbortController().signal,
    });
    const folder = mkdtempSync(join(tmpdir(), 'usagestream-'));
    const config = join(folder, 'usagestream.yaml');
    writeFileSync(
      config,
      [
        `log: kafka://${kafka}`,
        `prefix: ${names.prefix}`,
        `schema: ${names.schema}`,
        `cloud-schema: ${names.cloudSchema}`,
        `cloud-usage-schema: ${names.cloudUsageSchema}`,
        'preset: java-4.23',
        'clock: source',
        'log-level: warn',
        'close-delay: 15m',
        'partitions: 4',
      ].join('\n'),
    );
    try {
      const env = { USAGESTREAM_SOURCE: mariadbUrl, USAGESTREAM_SINK: mariadbUrl };
      const until = new Date(demoScenario.untilMs).toISOString();
      const args = ['run', '--config', config, '--until', until, '--json'];
      const first = usagestream(args, env);
      expect(first, first.err).toMatchObject({ code: 0 });
      const reports = first.out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { stage: string });
      expect(new Set(reports.map((r) => r.stage))).toEqual(new Set(['tail', 'aggregate', 'sink']));
      const connection = await openConnection(pipeline.target, 'STORE');
      const options = {
        cloudSchema: names.cloudSchema,
        cloudUsageSchema: names.cloudUsageSchema,
        fromMs: demoScenario.startMs,
        untilMs: demoScenario.untilMs,
        rangeMinutes: demoScenario.rangeMinutes,
      };
      const exact = { missing: 0, surplus: 0, different: 0, duplicates: 0, examples: [] };
      const counted = await recount(connection, options);
      expect(counted).toMatchObject(exact);
      expect(counted.rows).toBeGreaterThan(1000);
      // Once more, when all is done: nothing to do, nothing doubled.
      expect(usagestream(args, env).code).toBe(0);
      expect(await recount(connection, options)).toMatchObject({ ...exact, rows: counted.rows });
      await connection.end();

      const status = usagestream(['status', '--config', config, '--json'], env);
      expect(JSON.parse(status.out)).toMatchObject({
        windows: 3,
        rows: counted.rows,
        deadLetters: {},
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

test(
  'demo: plays, kills a worker, recounts, tells the story of a row, and ends with 0',
  { timeout: 120_000 },
  () => {
    const result = usagestream(['demo', '--seconds', '6', '--seed', '3']);
    expect(result, result.err).toMatchObject({ code: 0 });
    expect(result.out).toContain('SIGKILL to worker 1');
    expect(result.out).toContain('duplicates 0, missing 0, surplus 0, different 0');
    expect(result.out).toMatch(
      /opened by event \d+ \(VM\.\w+.*usage-feed\[\d\]@\d+, binlog .+:\d+ row/,
    );
    expect(result.out).toContain('every row is there, once');
  },
);

test.each(['missing', 'surplus', 'different', 'duplicates', 'rows'])(
  'the demo does not end well when one thing is wrong: %s',
  (finding) => {
    const counts = { missing: 0, surplus: 0, different: 0, duplicates: 0, rows: 5, expected: 5 };
    const recount = { ...counts, byType: new Map(), byAccount: new Map(), examples: [] };
    expect(isExact(recount)).toBe(true);
    expect(isExact({ ...recount, [finding]: finding === 'rows' ? 0 : 1 })).toBe(false);
  },
);

test('every fault of the settings is listed at once, with exit code 2', () => {
  const result = usagestream(['tail', '--range', '0', '--clock', 'sundial'], {
    USAGESTREAM_SOURCE: '',
    USAGESTREAM_LOG: 'http://nowhere',
  });
  expect(result.code).toBe(2);
  for (const setting of ['--source', '--log', '--range', '--clock'])
    expect(result.err).toContain(setting);
});

test.each([
  { what: 'wrong password', user: 'root:wrong@', code: 'SOURCE_ACCESS_DENIED', port: null },
  { what: 'nobody listens', user: 'root@', code: 'SOURCE_UNREACHABLE', port: 'free' },
])('doctor on $what: says so and what to do', async ({ user, code, port }) => {
  const url = new URL(servers().mariadbUrl);
  const at = port === null ? url.host : `127.0.0.1:${await freePort()}`;
  const result = usagestream(['doctor', '--source', `mysql://${user}${at}`]);
  expect(result.code).toBe(1);
  expect(result.out).toContain(code);
  expect(result.out).toContain('what to do');
  expect(result.out + result.err).not.toContain('wrong');
});

test('a wrong password ends the tail with exit code 1 and what to do, never with the password', () => {
  const { mariadbUrl, kafkaBrokers } = servers();
  const result = usagestream(
    ['tail', '--prefix', 'none', '--log', `kafka://${kafkaBrokers.join(',')}`],
    {
      USAGESTREAM_SOURCE: `mysql://root@${new URL(mariadbUrl).host}`,
      USAGESTREAM_SOURCE_PASSWORD: 'swordfish',
    },
  );
  expect(result.code).toBe(1);
  expect(result.err).toContain('SOURCE_ACCESS_DENIED');
  expect(result.err).toContain('deploy/grants');
  expect(result.out + result.err).not.toContain('swordfish');
});

test('run, sink and aggregate without our schema say: migrate', () => {
  const { mariadbUrl, kafkaBrokers } = servers();
  const env = {
    USAGESTREAM_SOURCE: mariadbUrl,
    USAGESTREAM_SINK: mariadbUrl,
    USAGESTREAM_LOG: `kafka://${kafkaBrokers.join(',')}`,
  };
  for (const stage of [['run'], ['sink'], ['aggregate'], ['aggregate', '--preset', 'correct']]) {
    const result = usagestream([...stage, '--schema', 'no_such_schema'], env);
    expect(result.code).toBe(1);
    expect(result.err).toContain('usagestream migrate');
  }
});
