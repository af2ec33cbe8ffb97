import { SingleBar } from 'cli-progress';

const lineEveryMs = 10_000;

/** A bar with rate and time left on a terminal; elsewhere a plain line now and then; with `--json` nothing. */
export function createProgressBar(
  what: string,
  json: boolean,
): { update(done: number, total: number): void; stop(): void } {
  if (json) return { update: () => undefined, stop: () => undefined };
  if (!process.stderr.isTTY) {
    let lastMs = Date.now();
    return {
      update(done, total) {
        if (Date.now() - lastMs < lineEveryMs) return;
        lastMs = Date.now();
        process.stderr.write(`${done} of ${total} ${what}\n`);
      },
      stop: () => undefined,
    };
  }
  const bar = new SingleBar({
    format: `{bar} {value}/{total} ${what}, {eta_formatted} left`,
    stream: process.stderr,
  });
  bar.start(0, 0);
  return {
    update(done, total) {
      bar.setTotal(total);
      bar.update(done);
    },
    stop: () => bar.stop(),
  };
}
