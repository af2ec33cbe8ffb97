import type { Pipeline, Stage } from '../../src/cli/demo/pipeline.ts';
import { startStage, stopAll } from '../../src/cli/demo/stage-process.ts';
import type { StageProcess } from '../../src/cli/demo/stage-process.ts';
import type { CrashPoint } from '../../src/platform/crash-points.ts';

/** One place in the pipeline and the process that fills it. */
interface Member {
  readonly stage: Stage;
  process: StageProcess;
  /** It is to die by itself: at a crash point. */
  doomed: boolean;
}

/** The processes of a pipeline under attack: whoever dies is replaced at once, who ends otherwise is a fault. */
export class Team implements AsyncDisposable {
  readonly members: readonly Member[];
  readonly #pipeline: Pipeline;
  readonly #env: (stage: Stage) => Readonly<Record<string, string>>;
  readonly #replaced = new Map<Member, Promise<void>>();
  #fault: Error | undefined;
  #isOver = false;

  constructor(
    pipeline: Pipeline,
    env: (stage: Stage) => Readonly<Record<string, string>>,
    stages: readonly Stage[],
  ) {
    this.#pipeline = pipeline;
    this.#env = env;
    this.members = stages.map((stage) => this.#join({ stage, doomed: false }));
  }

  /** @throws when a process ended by itself. */
  assertWell(): void {
    if (this.#fault) throw this.#fault;
  }

  /** SIGKILL; returns when it is dead and replaced. */
  async kill(member: Member, crashAt?: { at: CrashPoint; nth: number }): Promise<void> {
    this.assertWell();
    const { process } = member;
    member.doomed = true;
    this.#next.set(member, crashAt);
    process.kill('SIGKILL');
    await this.#replaced.get(member);
    this.assertWell();
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await stopAll(this.members.map(({ process }) => process));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    for (const { process } of this.members) process.kill('SIGKILL');
    await Promise.all(this.members.map(({ process }) => process.exited));
  }

  /** Where the successor of a member is to die. */
  readonly #next = new Map<Member, { at: CrashPoint; nth: number } | undefined>();

  #join(place: { stage: Stage; doomed: boolean }): Member {
    const member: Member = { ...place, process: this.#start(place.stage) };
    this.#watch(member);
    return member;
  }

  #start(stage: Stage, crashAt?: { at: CrashPoint; nth: number }): StageProcess {
    return startStage(stage, this.#pipeline.args(stage), {
      ...this.#env(stage),
      ...(crashAt === undefined ? {} : { USAGESTREAM_CRASH_AT: `${crashAt.at}:${crashAt.nth}` }),
    });
  }

  #watch(member: Member): void {
    const { process } = member;
    const replaced = process.exited.then((end) => {
      if (this.#isOver) return;
      if (end !== 'SIGKILL' || !member.doomed) {
        this.#fault ??= new Error(
          `${member.stage} ended by itself with ${end}:\n${process.tail()}`,
        );
        return;
      }
      const crashAt = this.#next.get(member);
      this.#next.delete(member);
      member.doomed = crashAt !== undefined;
      member.process = this.#start(member.stage, crashAt);
      this.#watch(member);
    });
    this.#replaced.set(member, replaced);
  }
}
