import { requireFollowed } from '../../aggregate/made-generation.ts';
import { replay } from '../../aggregate/replay.ts';
import type { Sameness } from '../../aggregate/replay.ts';
import { defineCommand } from '../command.ts';
import { showProgress } from '../rebuild/progress-bar.ts';
import { feedTakes, withFeed } from '../rebuild/store-access.ts';
import { createIo } from '../stages.ts';

export const replayCommand = defineCommand({
  name: 'replay',
  what: 'fold the feed again by the rules of a generation and prove that nothing changes; exit code 1 when something does',
  example:
    'usagestream replay --sink mysql://rebuild@db:3306 --log kafka://k1:9092 --generation main',
  takes: [...feedTakes, 'generation'],
  run: (values, _own, context) =>
    withFeed(values, context, async ({ pool, schema, log, target }) => {
      const generation = await requireFollowed(pool, schema, values.generation);
      const progress = showProgress(context, `replay ${generation.name}`);
      try {
        const { signal } = context;
        const result = await replay(
          { pool, schema, generation },
          {
            ...createIo(context),
            log,
            store: target,
            signal,
            onProgress: (at) => progress.update(at),
          },
        );
        progress.end();
        if (context.json) console.log(JSON.stringify({ generation: generation.name, ...result }));
        else {
          console.log(`${generation.name}: ${result.records} records folded again`);
          for (const kind of ['events', 'rows', 'corrections', 'states'] as const)
            console.log(`  ${kind}: ${line(result[kind])}`);
          console.log(result.isSame ? 'nothing changes' : 'NOT THE SAME');
        }
        return result.isSame && !signal.aborted ? 0 : 1;
      } finally {
        progress.end();
      }
    }),
});

const line = ({ equal, differing, missing, surplus }: Sameness): string =>
  `${equal} equal, ${differing} differ, ${missing} missing, ${surplus} surplus`;
