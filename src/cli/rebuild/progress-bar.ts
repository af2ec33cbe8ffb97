import { SingleBar } from 'cli-progress';
import type { RebuildProgress } from '../../aggregate/rebuild.ts';
import type { CommandContext } from '../command.ts';

/**
 * Progress of a fold: a bar with rate and time left on a terminal; a line every five seconds elsewhere;
 * with `--json` one object a line, four a second at most.
 */
export function showProgress(context: CommandContext, title: string) {
  const startedMs = performance.now();
  const bar =
    process.stderr.isTTY && !context.json
      ? new SingleBar({
          format: `${title} {bar} {percentage}% | {value}/{total} records | {rate}/s | {left} left`,
          etaBuffer: 100,
          clearOnComplete: false,
        })
      : null;
  let isBegun = false;
  let lastMs = -Infinity;
  return {
    update(progress: RebuildProgress): void {
      const now = performance.now();
      const seconds = Math.max(0.001, (now - startedMs) / 1000);
      const perSecond = Math.round((progress.events + progress.rows) / seconds);
      const leftSeconds = Math.ceil(
        ((progress.total - progress.records) * seconds) / Math.max(1, progress.records),
      );
      if (bar) {
        const payload = { rate: perSecond, left: `${leftSeconds}s` };
        if (isBegun) bar.setTotal(progress.total);
        else bar.start(progress.total, 0, payload);
        isBegun = true;
        bar.update(progress.records, payload);
        return;
      }
      if (now - lastMs < (context.json ? 250 : 5000)) return;
      lastMs = now;
      if (context.json) console.log(JSON.stringify({ ...progress, perSecond, leftSeconds }));
      else
        console.error(
          `${title}: ${progress.records} of ${progress.total} records, ${progress.rows} rows, ${perSecond} events and rows a second, ${leftSeconds} s left`,
        );
    },
    end(): void {
      bar?.stop();
    },
  };
}
