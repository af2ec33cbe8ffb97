import type { Pipeline, Stage } from '../../src/cli/demo/pipeline.ts';
import { stopAll } from '../../src/cli/demo/stage-process.ts';

/** The running stages of one pipeline under attack: each that is killed is started again. */
export interface Herd extends AsyncDisposable {
  readonly kills: number;
  /** SIGKILL to the n-th member; a new one takes its place at once. */
  kill(n: number): Promise<void>;
  /** Process ids of the members of a stage. */
  pids(stage: Stage): number[];
  /** Fails when a member ended by itself. */
  assertAlive(): void;
  stop(): Promise<void>;
}

export function startHerd(pipeline: Pipeline, stages: readonly Stage[]): Herd {
  const members = stages.map((stage) => ({ stage, process: pipeline.start(stage) }));
  let kills = 0;
  const stop = () => stopAll(members.map((m) => m.process));
  const assertAlive = () => {
    for (const { stage, process } of members)
      if (process.ended() !== undefined)
        throw new Error(`${stage} ended by itself with ${process.ended()}:\n${process.tail()}`);
  };
  return {
    get kills() {
      return kills;
    },
    async kill(n) {
      assertAlive();
      const member = members[n % members.length]!;
      member.process.kill('SIGKILL');
      await member.process.exited;
      kills += 1;
      member.process = pipeline.start(member.stage);
    },
    pids: (stage) => members.filter((m) => m.stage === stage).map((m) => m.process.pid),
    assertAlive,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
