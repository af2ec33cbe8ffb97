import type { Socket } from 'node:net';

/** The driver's own connection, below the promises; what we need of it is not declared. */
interface Core {
  readonly stream: Socket;
  /** What it waits for an answer to; nothing when idle. */
  readonly _command?: unknown;
  /** Goodbye was said. */
  readonly _closing?: boolean;
}

/** How long a database may leave a question without any sign of an answer, ms, unless told otherwise. */
export const defaultAnswerMs = 60_000;

/** A dead peer never closes its half; a living one needs a moment. Milliseconds. */
const goodbyeMs = 1000;

/** Statements that read or write whole tables may take so many times as long. */
const patience = 10;

const watches = new WeakMap<object, AnswerWatch>();

/**
 * From now on the connection is ended when it leaves a question without a byte of an answer for so long:
 * what still waits then fails as with any lost connection (ETIMEDOUT), its outcome unknown. A firewall that
 * forgot a connection, or a server that is gone, says nothing, and TCP by itself asks for a quarter of an hour.
 * An answer that comes slowly, or a question that is long on its way, is waited for.
 *
 * @param connection Of the driver, with promises or without.
 */
export function limitAnswers(connection: object, limitMs: number): AnswerWatch {
  const core = (Reflect.get(connection, 'connection') ?? connection) as Core;
  const watch = watches.get(core) ?? new AnswerWatch(core);
  watches.set(core, watch);
  watch.limitMs = limitMs;
  return watch;
}

/** Where statements work through whole tables. */
export const patient = <T extends { readonly answerMs?: number }>(target: T): T =>
  target.answerMs === undefined ? target : { ...target, answerMs: patientMs(target) };

/** The same as a number of milliseconds. */
export const patientMs = ({ answerMs = defaultAnswerMs }: { readonly answerMs?: number }): number =>
  answerMs * patience;

/** One connection, and how long it has been silent. */
export class AnswerWatch {
  readonly #core: Core;
  #limitMs = 0;
  #pieces = 0;

  constructor(core: Core) {
    this.#core = core;
    const { stream } = core;
    stream.on('data', () => void (this.#pieces += 1));
    stream.on('timeout', () => this.#onSilence());
    stream.once('finish', () => stream.setTimeout(goodbyeMs));
  }

  set limitMs(ms: number) {
    this.#limitMs = ms;
    // Begins anew with each piece that comes or goes.
    this.#core.stream.setTimeout(ms);
  }

  /** Pieces of answers that have come; the same number later: nothing came in between. */
  get pieces(): number {
    return this.#pieces;
  }

  get isWaiting(): boolean {
    return Boolean(this.#core._command);
  }

  #onSilence(): void {
    // The driver ends its half alone, and an open socket keeps the process alive.
    if (this.#core._closing === true) return void this.#core.stream.destroy();
    if (!this.isWaiting) return;
    const { pieces } = this;
    // A process that stood still itself has yet to read what came meanwhile.
    setImmediate(() => {
      if (this.#pieces !== pieces || !this.isWaiting) return;
      const fault = new Error(`no answer in ${this.#limitMs} ms`);
      this.#core.stream.destroy(Object.assign(fault, { code: 'ETIMEDOUT' }));
    });
  }
}
