import { SingleBar } from 'cli-progress';

const lineEveryMs = 5_000;
const jsonEveryMs = 250;

export interface Progress {
  readonly done: number;
  readonly total: number;
  /** Said in a line, and in the JSON. */
  readonly facts?: Readonly<Record<string, unknown>>;
  /** What the rate counts, when it is not what is done. */
  readonly worked?: number;
}

export interface ProgressBarOptions {
  /** `rebuild fixed`: before the bar and each line. */
  readonly title?: string;
  /** What is counted: `records`. */
  readonly what: string;
  /** What the rate counts: `events and rows`. */
  readonly rateOf?: string;
  /** With `--json`: an object a line, four a second at most; else nothing is said. */
  readonly json: boolean | 'lines';
}

export interface ProgressBar {
  update(progress: Progress): void;
  stop(): void;
}

/** A bar with rate and time left on a terminal; elsewhere a plain line every five seconds, on stderr. */
export function createProgressBar({ title, what, rateOf, json }: ProgressBarOptions): ProgressBar {
  const startedMs = performance.now();
  let lastMs = json === 'lines' ? -Infinity : startedMs;
  const head = title === undefined ? '' : `${title} `;
  const bar =
    process.stderr.isTTY && json === false
      ? new SingleBar({
          format: `${head}{bar} {percentage}% | {value}/{total} ${what} | {rate}/s | {left} left`,
          stream: process.stderr,
        })
      : null;
  let isBegun = false;
  return {
    update({ done, total, facts = {}, worked = done }) {
      const now = performance.now();
      const seconds = Math.max(0.001, (now - startedMs) / 1000);
      const perSecond = Math.round(worked / seconds);
      const leftSeconds = Math.ceil(((total - done) * seconds) / Math.max(1, done));
      if (bar) {
        const payload = { rate: perSecond, left: `${leftSeconds} s` };
        if (isBegun) bar.setTotal(total);
        else bar.start(total, 0, payload);
        isBegun = true;
        bar.update(done, payload);
        return;
      }
      if (json === true || now - lastMs < (json === 'lines' ? jsonEveryMs : lineEveryMs)) return;
      lastMs = now;
      if (json === 'lines') console.log(JSON.stringify({ ...facts, perSecond, leftSeconds }));
      else
        process.stderr.write(
          `${head.trimEnd()}${head && ': '}${done} of ${total} ${what}, ${perSecond} ${rateOf ?? what} a second, ${leftSeconds} s left\n`,
        );
    },
    stop() {
      if (isBegun) bar?.stop();
    },
  };
}
