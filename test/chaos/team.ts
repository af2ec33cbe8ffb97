import type { Pipeline, Stage } from '../../src/cli/demo/pipeline.ts';
import { startStage } from '../../src/cli/demo/stage-process.ts';
import type { StageProcess } from '../../src/cli/demo/stage-process.ts';
import type { CrashPoint } from '../../src/platform/crash-points.ts';
import { hasConnected } from '../support/has-connected.ts';

/** Where a process is to die by itself. */
interface Crash {
  readonly at: CrashPoint;
  readonly nth: number;
}

/** One place in the pipeline and the process that fills it. */
interface Member {
  readonly stage: Stage;
  process: StageProcess;
  /** How its process may end: by our signal, or at its crash point. */
  mayEnd: ReadonlySet<number | NodeJS.Signals>;
  crashAt: Crash | undefined;
}

/** A process that takes longer to end than this after a SIGTERM hangs. */
const hangsAfterMs = 60_000;

/** The processes of a pipeline under attack: whoever dies is replaced at once, who ends otherwise is a fault. */
export class Team implements AsyncDisposable {
  readonly members: readonly Member[];
  /** Points at which a member has died, as it was to. */
  readonly crashed: CrashPoint[] = [];
  /** How long each took from its SIGTERM to its end, ms. */
  readonly stoppedMs: number[] = [];
  readonly #pipeline: Pipeline;
  readonly #env: (stage: Stage) => Readonly<Record<string, string>>;
  readonly #replaced = new Map<Member, Promise<void>>();
  readonly #started: StageProcess[] = [];
  #fault: Error | undefined;
  #isOver = false;

  constructor(
    pipeline: Pipeline,
    env: (stage: Stage) => Readonly<Record<string, string>>,
    stages: readonly Stage[],
  ) {
    this.#pipeline = pipeline;
    this.#env = env;
    this.members = stages.map((stage) => {
      const process = this.#start(stage);
      const member: Member = { stage, process, mayEnd: new Set(), crashAt: undefined };
      this.#watch(member);
      return member;
    });
  }

  /** @throws when a process ended as it must not. */
  assertWell(): void {
    if (this.#fault) throw this.#fault;
  }

  /** The last log lines of every process that there was, in the order of their starts. */
  said(): string {
    return this.#started
      .map((one) => `# ${one.name} ${one.pid}: ${one.ended() ?? 'runs'}\n${one.tail()}\n`)
      .join('\n');
  }

  /** SIGKILL; returns when it is dead and replaced, by one that dies at `crashAt`, if given. */
  async kill(member: Member, crashAt?: Crash): Promise<void> {
    this.assertWell();
    this.#next.set(member, crashAt);
    member.mayEnd = new Set(['SIGKILL']);
    member.crashAt = undefined;
    member.process.kill('SIGKILL');
    await this.#replaced.get(member);
    this.assertWell();
  }

  /** SIGTERM; returns when it has ended, with code 0, and is replaced. @returns how long it took, ms */
  async ask(member: Member): Promise<number> {
    this.assertWell();
    const replaced = this.#replaced.get(member);
    const tookMs = await this.#ask(member);
    await replaced;
    this.assertWell();
    return tookMs;
  }

  /** SIGTERM to all; each must end with code 0. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.members.map((member) => this.#ask(member)));
    await Promise.all(this.#replaced.values());
    this.assertWell();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    for (const member of this.members) {
      member.mayEnd = new Set([...member.mayEnd, 'SIGKILL']);
      member.process.kill('SIGKILL');
    }
    await Promise.all(this.members.map(({ process }) => process.exited));
  }

  /** Where the successor of a member is to die. */
  readonly #next = new Map<Member, Crash | undefined>();

  async #ask(member: Member): Promise<number> {
    const { process } = member;
    const fromMs = performance.now();
    const early = hasConnected(process.pid) ? [] : (['SIGTERM'] as const);
    member.mayEnd = new Set([0, ...early, ...(member.crashAt ? (['SIGKILL'] as const) : [])]);
    process.kill('SIGTERM');
    const timer = setTimeout(() => process.kill('SIGABRT'), hangsAfterMs);
    await process.exited;
    clearTimeout(timer);
    const tookMs = Math.round(performance.now() - fromMs);
    this.stoppedMs.push(tookMs);
    return tookMs;
  }

  #start(stage: Stage, crashAt?: Crash): StageProcess {
    const process = startStage(stage, this.#pipeline.args(stage), {
      ...this.#env(stage),
      ...(crashAt === undefined ? {} : { USAGESTREAM_CRASH_AT: `${crashAt.at}:${crashAt.nth}` }),
    });
    this.#started.push(process);
    return process;
  }

  #watch(member: Member): void {
    const { process } = member;
    const replaced = process.exited.then((end) => {
      if (!member.mayEnd.has(end)) {
        this.#fault ??= new Error(`${member.stage} ended with ${end}:\n${process.tail()}`);
        return;
      }
      if (end === 'SIGKILL' && member.crashAt) this.crashed.push(member.crashAt.at);
      if (this.#isOver) return;
      const crashAt = this.#next.get(member);
      this.#next.delete(member);
      member.crashAt = crashAt;
      member.mayEnd = new Set(crashAt ? ['SIGKILL'] : []);
      member.process = this.#start(member.stage, crashAt);
      this.#watch(member);
    });
    this.#replaced.set(member, replaced);
  }
}
