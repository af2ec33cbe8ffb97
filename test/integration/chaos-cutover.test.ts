import { expect, test } from 'vitest';
import { stopAll } from '../../src/cli/demo/stage-process.ts';
import type { Pipeline } from '../../src/cli/demo/pipeline.ts';
import type { CrashPoint } from '../../src/platform/crash-points.ts';
import { crashAtEach } from '../chaos/crash-chain.ts';
import { usagestream } from '../support/command-line.ts';
import { dieAt, pointsOf } from '../support/crash-command.ts';
import { readGolden } from '../support/golden.ts';
import { playGolden } from '../support/play-golden.ts';
import { publishedLines } from '../support/published-lines.ts';
import { servers } from '../support/servers.ts';

/** A dead sink's lease ends soon. */
const args = ['--session-timeout', '1500ms'];

test(
  'a cutover and a rollback killed at any step are done once, whole, with the rows of undisturbed ones',
  { timeout: 180_000 },
  async () => {
    await using pipeline = await playGolden(await readGolden('basic'), { partitions: 2 });
    const { names, pool } = pipeline;
    const rows = () => publishedLines(pool, names.cloudUsageSchema);
    expect(command(pipeline, ['rebuild', 'right', '--preset', 'correct'])).toMatchObject({
      status: 0,
    });
    const main = await rows();
    await killed(pipeline, ['cutover', 'right'], main);
    const right = await rows();
    expect(right).not.toEqual(main);
    await killed(pipeline, ['rollback'], right);
    expect(await rows()).toEqual(main);

    // The same again, and nobody is killed.
    const sink = pipeline.start('sink', args);
    try {
      expect(command(pipeline, ['cutover', 'right'])).toMatchObject({ status: 0 });
      expect(await rows()).toEqual(right);
      expect(command(pipeline, ['rollback'])).toMatchObject({ status: 0 });
      expect(await rows()).toEqual(main);
    } finally {
      await stopAll([sink]);
    }
  },
);

/** The command dies when it has asked, and so does each sink that is to answer; none but the last has changed a row. */
async function killed(pipeline: Pipeline, asked: readonly string[], before: readonly string[]) {
  const [request, ...steps] = pointsOf('cutover') as [CrashPoint, ...CrashPoint[]];
  dieAt(request, (env) => command(pipeline, asked, env));
  const { mariadbUrl, kafkaBrokers } = servers();
  const kafka = kafkaBrokers.join(',');
  const env = { USAGESTREAM_SINK: mariadbUrl, USAGESTREAM_LOG: `kafka://${kafka}` };
  for (const at of steps) {
    expect(await publishedLines(pipeline.pool, pipeline.names.cloudUsageSchema), at).toEqual(
      before,
    );
    await crashAtEach(pipeline, env, 'sink', [{ at, args }]);
  }
}

function command(
  { names: { schema, cloudUsageSchema, prefix } }: Pipeline,
  [name = '', ...given]: readonly string[],
  env: Readonly<Record<string, string>> = {},
) {
  const places = name === 'rebuild' ? [] : ['--cloud-usage-schema', cloudUsageSchema];
  return usagestream(
    [name, ...given, '--schema', schema, '--prefix', prefix, ...places, '--json'],
    env,
  );
}
