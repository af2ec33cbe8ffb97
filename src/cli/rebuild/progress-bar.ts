import type { RebuildProgress } from '../../aggregate/rebuild.ts';
import type { CommandContext } from '../command.ts';
import { createProgressBar } from '../progress-bar.ts';

/** Progress of a fold; with `--json` one object a line. */
export function showProgress({ json }: Pick<CommandContext, 'json'>, title: string) {
  const bar = createProgressBar({
    ...{ title, what: 'records', rateOf: 'events and rows', json: json ? 'lines' : false },
  });
  return {
    update(progress: RebuildProgress): void {
      const { records: done, total, events, rows } = progress;
      bar.update({ done, total, worked: events + rows, facts: { ...progress } });
    },
    end(): void {
      bar.stop();
    },
  };
}
