import { setTimeout as sleep } from 'node:timers/promises';
import { createPipeline } from '../../src/cli/demo/pipeline.ts';
import type { CrashPoint } from '../../src/platform/crash-points.ts';
import { seededRandom } from '../../src/simulate/random.ts';
import { recordDigest } from '../support/record-digest.ts';
import { runStages, untilArgs } from '../support/stages.ts';
import type { Arena } from './arena.ts';
import { keepEvidence } from './evidence.ts';
import { doHarm } from './faults.ts';
import { LivingCloud, rangeMinutes } from './living-cloud.ts';
import { Player } from './player.ts';
import { Team } from './team.ts';

export interface ChaosOptions {
  readonly seed: number;
  /** For how long things are hurt, seconds of real time. */
  readonly seconds: number;
  readonly say?: (text: string) => void;
  /** Told of each fault when it is over. */
  readonly onFault?: (what: string) => void;
  readonly signal?: AbortSignal;
}

export interface ChaosResult {
  readonly faults: number;
  readonly windows: number;
  /** Rows of cloud_usage that were compared with the recount of the events. */
  readonly compared: number;
  readonly lost: number;
  readonly doubled: number;
  /** There, but not what the events say. */
  readonly wrong: number;
  readonly examples: readonly object[];
  /** Points at which a process died by itself, as the schedule had it. */
  readonly crashed: readonly CrashPoint[];
  /** How long processes took from SIGTERM to their end with code 0, ms. */
  readonly stoppedMs: readonly number[];
}

const sessionMs = 2000;
const hourMs = 3_600_000;

/**
 * A pipeline of two tailers, three workers and two sinks over a living cloud, hurt at random for a while;
 * then healed, brought to an end, and every row compared: with an independent recount of the events, and
 * with what an untouched worker makes of the feed.
 *
 * @throws when a process ended by itself: nothing that is done here may make it give up.
 */
export async function runChaos(arena: Arena, options: ChaosOptions): Promise<ChaosResult> {
  const { seed, seconds, say = () => {}, onFault = () => {}, signal } = options;
  const random = seededRandom(seed);
  await using pipeline = await createPipeline({
    mariadbUrl: arena.database.url,
    kafka: arena.kafka,
    partitions: 4,
    rangeMinutes,
    sessionTimeout: `${sessionMs}ms`,
    answerTimeout: '4s',
  });
  const cloud = new LivingCloud({ target: pipeline.target, ...pipeline.names, seed });
  const player = new Player(cloud);
  let faults = 0;
  let [crashed, stoppedMs]: [readonly CrashPoint[], readonly number[]] = [[], []];
  let said = '';
  {
    await using team = new Team(pipeline, (stage) => arena.env(stage), [
      ...(['tail', 'tail', 'aggregate', 'aggregate', 'aggregate', 'sink', 'sink'] as const),
    ]);
    await cloud.live(6 * hourMs);
    player.start();
    try {
      const endMs = performance.now() + seconds * 1000;
      const whileCloudRests = (work: () => Promise<void>) => player.rest(work);
      const field = { arena, pipeline, team, random, sessionMs, whileCloudRests };
      while (performance.now() < endMs && signal?.aborted !== true) {
        await sleep(random.whole(100, 1500));
        const what = await doHarm(field);
        faults += 1;
        onFault(what);
        team.assertWell();
      }
    } finally {
      arena.heal();
      await player.stop();
    }
    await team.stop();
    ({ crashed, stoppedMs } = team);
    said = team.said();
  }
  say('healed; to the end');
  const untilMs = await cloud.finishHour();
  const until = untilArgs(untilMs);
  await runStages(pipeline, [
    ['tail', ...until],
    ['aggregate', ...until],
    ['sink', ...until],
  ]);
  const { rows, missing, duplicates, surplus, different, examples } = await cloud.recount(untilMs);
  await runStages(pipeline, [['aggregate', '--generation', 'again', ...until]]);
  const { schema } = pipeline.names;
  const live = await recordDigest(pipeline.pool, schema, 'main');
  const again = await recordDigest(pipeline.pool, schema, 'again');
  const replay = live.digest === again.digest ? [] : [{ finding: 'replay', live, again }];
  if (missing + duplicates + surplus + different + replay.length > 0)
    say(`what it left is in ${await keepEvidence(pipeline, said)}`);
  return {
    faults,
    windows: (untilMs - cloud.startMs) / hourMs,
    compared: rows,
    lost: missing,
    doubled: duplicates,
    wrong: surplus + different + replay.length,
    examples: [...examples, ...replay],
    crashed,
    stoppedMs,
  };
}
