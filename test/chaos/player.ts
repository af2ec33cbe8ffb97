import { setTimeout as sleep } from 'node:timers/promises';
import type { LivingCloud } from './living-cloud.ts';

const hourMs = 3_600_000;
const stepsToTrouble = 8;

/** Lets the cloud live until it is told to stop, with trouble from time to time, and rest while its database is away. */
export class Player {
  readonly #cloud: LivingCloud;
  readonly #withTrouble: boolean;
  #turn: Promise<unknown> = Promise.resolve();
  #isOver = false;
  #playing: Promise<void> = Promise.resolve();

  constructor(cloud: LivingCloud, withTrouble = true) {
    this.#cloud = cloud;
    this.#withTrouble = withTrouble;
  }

  start(): void {
    this.#playing = (async () => {
      for (let step = 1; !this.#isOver; step++) {
        await this.rest(() => this.#cloud.live(hourMs / 4));
        // A dead letter and a correction: their topics have crash points of their own.
        if (this.#withTrouble && step % stepsToTrouble === 0)
          await this.rest(() => this.#cloud.haveTrouble());
        await sleep(200);
      }
    })();
    this.#playing.catch(() => undefined); // stop() tells
  }

  /** Alone: one thing at a time. */
  rest<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#playing;
  }
}
