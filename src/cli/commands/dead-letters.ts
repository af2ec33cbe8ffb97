import { readFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { Option } from 'commander';
import { requireFollowed } from '../../aggregate/made-generation.ts';
import { deadLetterReasons } from '../../contracts/error-codes.ts';
import { AppError } from '../../platform/errors.ts';
import { defineCommand } from '../command.ts';
import type { CommandContext } from '../command.ts';
import { findLetter, findLetters } from '../dead-letters/find-letters.ts';
import type { LetterStore } from '../dead-letters/find-letters.ts';
import { advice } from '../dead-letters/letter.ts';
import type { WholeLetter } from '../dead-letters/letter.ts';
import { planReplay } from '../dead-letters/plan-replay.ts';
import { planText, replayLetter } from '../dead-letters/replay-letter.ts';
import { feedTakes, withFeed } from '../rebuild/store-access.ts';
import type { SettingKey, SettingValues } from '../settings.ts';

const takes = [...feedTakes, 'generation'] as const satisfies SettingKey[];
type Values = Pick<SettingValues, (typeof takes)[number]>;

const withLetters = <T>(
  values: Values,
  context: CommandContext,
  work: (store: LetterStore) => Promise<T>,
): Promise<T> =>
  withFeed(
    values,
    context,
    async ({ pool, schema, log }) => {
      const generation = await requireFollowed(pool, schema, values.generation);
      const { signal } = context;
      return work({ pool, schema, generation, log, prefix: values.prefix, signal });
    },
    'usagestream-dead-letters',
  );

const address = '--sink mysql://operator@db:3306 --log kafka://k1:9092';

const list = defineCommand({
  name: 'list',
  what: 'refused records, oldest first, a page at a time',
  example: `usagestream dead-letters list ${address}\nusagestream dead-letters list ${address} --reason MISSING_VALUE --after 120`,
  takes,
  options: [
    new Option('--reason <reason>', 'only of this reason').choices(Object.keys(deadLetterReasons)),
    new Option('--account <id>', 'only of this account'),
    new Option('--since <time>', 'only recorded at this time or later').argParser(instant),
    new Option('--before <time>', 'only recorded before this time').argParser(instant),
    new Option('--after <id>', 'go on after this letter'),
    new Option('--limit <n>', 'letters of a page').argParser(count).default(50),
  ],
  run: (values, own, context) =>
    withLetters(values, context, async (store) => {
      const limit = own['limit'] as number;
      const letters = await findLetters(store, {
        reason: own['reason'] as string | undefined,
        account: own['account'] as string | undefined,
        sinceMs: own['since'] as number | undefined,
        beforeMs: own['before'] as number | undefined,
        after: own['after'] as string | undefined,
        limit,
      });
      if (context.json) for (const letter of letters) console.log(JSON.stringify(letter));
      else {
        for (const { id, reason, accountId, recordedAt, place, replayed } of letters)
          console.log(
            [id, recordedAt, reason, accountId ?? '-', place, replayed ? 'replayed' : ''].join(
              '  ',
            ),
          );
        if (letters.length === limit) console.log(`more: --after ${letters.at(-1)?.id}`);
      }
      return 0;
    }),
});

const show = defineCommand({
  name: 'show',
  what: 'one refused record whole: what it holds, why it was refused, what to do',
  example: `usagestream dead-letters show 12 ${address}\nusagestream dead-letters show 12 ${address} --value-only > record.json`,
  args: { name: '<id>', what: 'as `list` shows it' },
  takes,
  options: [new Option('--value-only', 'only the bytes of the record, to be corrected')],
  run: (values, own, context) =>
    withLetters(values, context, async (store) => {
      const [id = ''] = own['args'] as string[];
      const letter = await findLetter(store, id);
      if (own['valueOnly'] === true) {
        const bytes = letter.stage === 'tail' ? recordText(letter) : letter.feed.value;
        process.stdout.write(bytes ?? '');
        return 0;
      }
      const shown = {
        ...headOf(letter),
        record: recordOf(letter),
        whatToDo: advice[letter.reason],
      };
      console.log(JSON.stringify(shown, null, context.json ? 0 : 2));
      return 0;
    }),
});

function headOf(letter: WholeLetter) {
  const { id, stage, reason, accountId, recordedAt, place, facts, replayed } = letter;
  const means = Object.entries(deadLetterReasons).find(([name]) => name === reason)?.[1];
  return { id, stage, reason, means, accountId, recordedAt, place, facts, replayed };
}

const recordText = (letter: WholeLetter & { stage: 'tail' }): string =>
  JSON.stringify(letter.change.record.after);

/** JSON where it is JSON, else text, else base64. */
function recordOf(letter: WholeLetter): unknown {
  if (letter.stage === 'tail') return { ...letter.change.record, origin: letter.change.origin };
  const { value } = letter.feed;
  if (value === null) return null;
  const text = value.toString();
  if (!Buffer.from(text).equals(value)) return { base64: value.toString('base64') };
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return { text };
  }
}

const replay = defineCommand({
  name: 'replay',
  what: 'put refused records into the feed again, at the end of their partition; or fold again what waits behind a fault',
  example:
    `usagestream dead-letters replay 12 13 ${address} --dry-run\n` +
    `usagestream dead-letters replay 12 ${address} --value record.json`,
  args: { name: '<id...>', what: 'as `list` shows them' },
  takes: [...takes, 'partitions'],
  options: [
    new Option(
      '--value <file>',
      'the corrected record (for a change of the tail: the corrected columns), JSON',
    ),
    new Option('--again', 'also what was replayed before'),
    new Option('--dry-run', 'say what would be done, change nothing'),
  ],
  run: (values, own, context) =>
    withLetters(values, context, async (store) => {
      const ids = own['args'] as string[];
      const value = typeof own['value'] === 'string' ? readFileSync(own['value']) : null;
      if (value !== null && ids.length > 1)
        throw new AppError('CONFIG_INVALID', { problems: ['--value is for one letter'] });
      const planned = [];
      for (const id of ids) {
        const letter = await findLetter(store, id);
        const skip = letter.replayed !== null && own['again'] !== true;
        const plan = skip ? null : await planReplay(store, letter, values.partitions, value);
        planned.push({ letter, plan });
      }
      const by = `${userInfo().username}@${hostname()}`;
      for (const { letter, plan } of planned) {
        const dryRun = own['dryRun'] === true;
        if (plan !== null && !dryRun) await replayLetter(store, letter, plan, by);
        const { id, replayed } = letter;
        const does = plan === null ? null : planText(plan);
        if (context.json) console.log(JSON.stringify({ id, does, dryRun, replayed }));
        else if (does === null)
          console.log(`${id}: replayed at ${replayed?.at} by ${replayed?.by} (--again repeats it)`);
        else console.log(`${id}: ${dryRun ? 'would be ' : ''}${does}`);
      }
      return 0;
    }),
});

function instant(text: string): number {
  const ms = Date.parse(/[zZ]|[+-]\d\d:?\d\d$/.test(text) ? text : `${text}Z`);
  if (Number.isNaN(ms))
    throw new AppError('CONFIG_INVALID', {
      problems: [`${text}: not a time: write 2026-03-04T00:00:00Z`],
    });
  return ms;
}

function count(text: string): number {
  const n = Number(text);
  if (!Number.isInteger(n) || n < 1 || n > 10_000)
    throw new AppError('CONFIG_INVALID', { problems: ['--limit: 1 to 10000'] });
  return n;
}

/** `usagestream dead-letters list|show|replay`. */
export const deadLetterCommands = { list, show, replay };
