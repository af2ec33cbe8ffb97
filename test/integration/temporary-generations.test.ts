import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openTemporaryNames } from '../../src/aggregate/temporary-generations.ts';
import { usagestream } from '../support/command-line.ts';
import { openEmbeddedCloud } from '../support/embedded-cloud.ts';
import type { EmbeddedCloud } from '../support/embedded-cloud.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let cloud: EmbeddedCloud;
beforeAll(async () => {
  cloud = await openEmbeddedCloud('basic');
  expect(run(['rebuild', 'other', '--preset', 'correct'])).toMatchObject({ status: 0 });
});
afterAll(() => cloud[Symbol.asyncDispose]());

function run(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { schema, prefix } = cloud.pipeline.names;
  const flags = ['--schema', schema, '--prefix', prefix, '--log-level', 'silent'];
  return usagestream([...args, ...flags], { USAGESTREAM_LOG: cloud.log, ...env });
}
const generations = async () =>
  (await cloud.sql('SELECT name FROM $us.generation ORDER BY id')).map((row) =>
    String(row['name']),
  );

test.each([
  { args: ['diff', 'main', 'other'], left: /^step\./, status: 1 },
  { args: ['replay', '--generation', 'main'], left: /^replay\./, status: 0 },
])(
  'what a killed $args.0 left is dropped by the next; what a living one works on stays',
  async ({ args, left, status }) => {
    const killed = run(args, { USAGESTREAM_CRASH_AT: 'aggregate.after-fence' });
    expect(killed.status).toBe(null);
    expect(await generations()).toEqual(['main', 'other', expect.stringMatching(left)]);
    const { pool, target, names } = cloud.pipeline;
    await using living = await openTemporaryNames(pool, names.schema, target);
    expect(await generations()).toEqual(['main', 'other']);
    const lives = living.next('step');
    const made = `INSERT INTO $us.generation (name, state, feed_topic, feed_partitions, range_minutes,
      time_zone, close_delay_ms, preset, settings)
    SELECT ?, 'building', feed_topic, feed_partitions, range_minutes, time_zone, close_delay_ms, preset,
      settings FROM $us.generation WHERE name = 'main'`;
    await cloud.sql(made, [lives]);
    expect(run(args)).toMatchObject({ status });
    expect(await generations()).toEqual(['main', 'other', lives]);
    await living[Symbol.asyncDispose]();
    expect(run(args)).toMatchObject({ status });
    expect(await generations()).toEqual(['main', 'other']);
  },
);

test('neither a replay nor a rebuild is live because no other generation is', async () => {
  await cloud.sql("UPDATE $us.generation SET state = 'retired'");
  const replayed = run(['replay', '--generation', 'main']);
  const rebuilt = run(['rebuild', 'third']);
  const live = await cloud.sql("SELECT name FROM $us.generation WHERE state = 'live'");
  await cloud.sql("UPDATE $us.generation SET state = 'live' WHERE name = 'main'");
  expect([replayed.status, rebuilt.status]).toEqual([0, 0]);
  expect(live).toEqual([]);
  expect(await generations()).toEqual(['main', 'other', 'third']);
});
