import { Option } from 'commander';
import { crashPoint } from '../../platform/crash-points.ts';
import { AppError } from '../../platform/errors.ts';
import type { EventLog } from '../../platform/log/log.ts';
import { defineCommand } from '../command.ts';
import { checkCopy } from '../log-copy/check-copy.ts';
import { copyTopics, topicsOf } from '../log-copy/copy-topics.ts';
import { moveProgress, plannedBefore } from '../log-copy/move-progress.ts';
import { openLog } from '../open-log.ts';
import { createProgressBar } from '../progress-bar.ts';
import { withFeed } from '../rebuild/store-access.ts';
import type { FeedAccess } from '../rebuild/store-access.ts';
import { settings } from '../settings.ts';

/** `usagestream log …`: work on whole logs. */
export const logCommands = {
  copy: defineCommand({
    name: 'copy',
    what: 'copy every topic into another log and let the generations go on there; stop all stages first',
    example:
      'usagestream log copy --log embedded:/var/lib/usagestream/log --to kafka://k1:9092 \\\n' +
      '  --sink mysql://rebuild@db:3306 --prefix acs --dry-run',
    takes: ['log', 'logPassword', 'prefix', 'cloudSchema', 'sink', 'sinkPassword', 'schema'],
    options: [
      new Option('--to <address>', 'the log to copy into, as --log').makeOptionMandatory(),
      new Option('--dry-run', 'say what would be copied, change nothing'),
    ],
    run: async (values, own, context) => {
      const { prefix, cloudSchema, schema } = values;
      const to = settings.log.schema.safeParse(own['to']);
      if (!to.success)
        throw new AppError('CONFIG_INVALID', {
          problems: to.error.issues.map(({ message }) => `--to: ${message}`),
        });
      if (to.data === values.log)
        throw new AppError('CONFIG_INVALID', { problems: ['--to: that is the log itself'] });
      const clientId = 'usagestream-log-copy';
      const copy = async ({ log: source, pool }: FeedAccess): Promise<number> => {
        await using target = await openLog(
          { ...values, log: to.data },
          { clientId, logger: context.logger, signal: context.signal },
        );
        const ends = await endsOf(source, prefix, cloudSchema);
        const planned = await plannedBefore({ to: target, prefix });
        if (own['dryRun'] === true) {
          const logs = { from: source, to: target, prefix, cloudSchema };
          await checkCopy(logs, { pool, schema }, planned);
          if (context.json) console.log(JSON.stringify({ topics: ends }));
          else console.table(ends);
          return 0;
        }
        const bar = createProgressBar({ what: 'records', json: context.json });
        const copied = await copyTopics({
          ...{ from: source, to: target, prefix, cloudSchema, signal: context.signal },
          ...{
            withCompacted: planned === null,
            onProgress: (done, total) => bar.update({ done, total }),
          },
        }).finally(() => bar.stop());
        crashPoint('log-copy.copied');
        await requireUnchanged(source, prefix, cloudSchema, ends);
        const moved = await moveProgress(
          { pool, schema, prefix, from: source, to: target },
          planned,
        );
        if (context.json) console.log(JSON.stringify({ copied, moved }));
        else {
          console.table(copied);
          console.log(
            `${moved.length} partitions of generations go on at ${to.data.split('?')[0]}`,
          );
        }
        return 0;
      };
      return withFeed(values, context, copy, clientId);
    },
  }),
};

interface TopicEnd {
  readonly topic: string;
  readonly offsets: number;
}

async function endsOf(log: EventLog, prefix: string, cloudSchema: string): Promise<TopicEnd[]> {
  const ends: TopicEnd[] = [];
  for (const stream of await topicsOf(log, prefix, cloudSchema)) {
    const topic = stream.topic(prefix);
    const offsets = (await log.offsets(topic)).reduce((sum, { next }) => sum + next, 0);
    ends.push({ topic, offsets });
  }
  return ends;
}

async function requireUnchanged(
  log: EventLog,
  prefix: string,
  cloudSchema: string,
  before: readonly TopicEnd[],
): Promise<void> {
  const now = await endsOf(log, prefix, cloudSchema);
  const grew = now.filter(
    ({ topic, offsets }) => before.find((b) => b.topic === topic)?.offsets !== offsets,
  );
  if (grew.length > 0)
    throw new AppError('LOG_TOPIC_MISMATCH', {
      topics: grew.map(({ topic }) => topic),
      reason:
        'something was still written while it was copied: stop every stage and copy again, it goes on where it was',
    });
}
