import { Option } from 'commander';
import { catalogue, changeEvents } from '../../../streams/index.ts';
import type { Stream } from '../../contracts/stream.ts';
import { AppError } from '../../platform/errors.ts';
import type { EventLog } from '../../platform/log/log.ts';
import { retentionProblem, topicProblems } from '../../platform/log/topic-problems.ts';
import { capturedTables } from '../../tail/captured-tables.ts';
import { defineCommand } from '../command.ts';
import type { CommandContext } from '../command.ts';
import { openLog } from '../open-log.ts';
import type { SettingKey, SettingValues } from '../settings.ts';

const takes = [
  'log',
  'logPassword',
  'prefix',
  'partitions',
  'raw',
  'cloudSchema',
] as const satisfies readonly SettingKey[];
type Values = Pick<SettingValues, (typeof takes)[number]>;

/** `usagestream topics …`: every topic that UsageStream needs, from the one catalogue. */
export const topicCommands = {
  create: defineCommand({
    name: 'create',
    what: 'create the topics that are missing; refuses when one exists otherwise (the stages do the same at start)',
    example: 'usagestream topics create --log kafka://k1:9092 --prefix acs --partitions 8',
    takes,
    options: [new Option('--dry-run', 'say which would be created, change nothing')],
    run: (values, own, context) =>
      withLog(values, context, async (log) => {
        const dryRun = own['dryRun'] === true;
        const before = await compare(log, values);
        refuse(before, values);
        if (!dryRun) await log.ensureTopics(values.prefix, streamsOf(values), values.partitions);
        const made = before.filter(({ state }) => state === 'missing').map(({ topic }) => topic);
        if (context.json)
          console.log(JSON.stringify({ created: made, there: before.length, dryRun }));
        else
          console.log(
            made.length === 0
              ? `all ${before.length} topics are there`
              : `${dryRun ? 'would be created' : 'created'}: ${made.join(', ')}`,
          );
        return 0;
      }),
  }),
  check: defineCommand({
    name: 'check',
    what: 'compare the topics with what they must be, change nothing; exit code 1 when one is missing or wrong',
    example: 'usagestream topics check --log kafka://k1:9092 --prefix acs --partitions 8',
    takes,
    run: (values, _own, context) =>
      withLog(values, context, async (log) => {
        const found = await compare(log, values);
        if (context.json) console.log(JSON.stringify(found));
        else
          for (const { topic, state, problems } of found)
            console.log(
              `${state.padEnd(8)}${topic}${problems.map((p) => `\n        ${p}`).join('')}`,
            );
        refuse(found, values);
        return found.every(({ state }) => state === 'ok') ? 0 : 1;
      }),
  }),
  describe: defineCommand({
    name: 'describe',
    what: 'say what each topic is for, who writes and reads it, and how many records it holds',
    example: 'usagestream topics describe --log kafka://k1:9092 --prefix acs',
    takes,
    run: (values, _own, context) =>
      withLog(values, context, async (log) => {
        const facts = new Map(
          (await log.describeTopics(streamsOf(values).map((s) => s.topic(values.prefix)))).map(
            (one) => [one.topic, one],
          ),
        );
        const lines = [];
        for (const stream of streamsOf(values)) {
          const topic = stream.topic(values.prefix);
          const offsets = await log.offsets(topic);
          lines.push({
            topic,
            partitions: facts.get(topic)?.partitions ?? null,
            cleanup: facts.get(topic)?.cleanup ?? null,
            retentionMs: facts.get(topic)?.retentionMs ?? null,
            offsets: offsets.reduce((sum, { earliest, next }) => sum + next - earliest, 0),
            key: stream.key,
            writer: [stream.writer].flat().join(', '),
            readers: stream.readers.join(', '),
            what: stream.what,
          });
        }
        if (context.json) console.log(JSON.stringify(lines));
        else
          for (const { topic, what, ...line } of lines)
            console.log(
              line.partitions === null
                ? `${topic}  (missing)\n    ${what}`
                : `${topic}  ${line.partitions} partitions, ${line.cleanup}, ${line.offsets} offsets\n` +
                    `    ${what}; key: ${line.key}\n    written by ${line.writer}, read by ${line.readers}`,
            );
        return 0;
      }),
  }),
};

interface Compared {
  readonly topic: string;
  readonly state: 'ok' | 'missing' | 'wrong';
  readonly problems: readonly string[];
}

const streamsOf = ({ raw, cloudSchema }: Values): readonly Stream[] => [
  ...catalogue,
  ...(raw ? capturedTables.map(({ name }) => changeEvents(cloudSchema, name)) : []),
];

async function compare(log: EventLog, values: Values): Promise<Compared[]> {
  const streams = streamsOf(values);
  const facts = await log.describeTopics(streams.map((stream) => stream.topic(values.prefix)));
  const byTopic = new Map(facts.map((one) => [one.topic, one]));
  return streams.map((stream) => {
    const topic = stream.topic(values.prefix);
    const found = byTopic.get(topic);
    if (!found) return { topic, state: 'missing', problems: [] };
    const problems = [...topicProblems(stream, found, values.partitions)];
    const kept = retentionProblem(stream, found);
    if (kept !== null) problems.push(kept);
    return { topic, state: problems.length > 0 ? 'wrong' : 'ok', problems };
  });
}

/** @throws LOG_TOPIC_MISMATCH with the way to a new feed, when a partition count or a cleanup differs. */
function refuse(found: readonly Compared[], { prefix, partitions }: Values): void {
  const wrong = found.filter(({ state }) => state === 'wrong');
  if (wrong.length === 0) return;
  throw new AppError('LOG_TOPIC_MISMATCH', {
    problems: wrong.map(({ topic, problems }) => `${topic}: ${problems.join('; ')}`),
    newFeed:
      `for other partitions make a new feed: usagestream tail --prefix ${prefix}-2 --partitions ${partitions}; ` +
      `then handback from this feed and takeover --prefix ${prefix}-2 (docs/zones.md)`,
  });
}

async function withLog(
  values: Values,
  context: CommandContext,
  work: (log: EventLog) => Promise<number>,
): Promise<number> {
  await using log = await openLog(values, {
    clientId: 'usagestream-topics',
    logger: context.logger,
    signal: context.signal,
  });
  return await work(log);
}
