import { Option } from 'commander';
import { requireFollowed } from '../../aggregate/made-generation.ts';
import type { MadeGeneration } from '../../aggregate/made-generation.ts';
import type { StoreReader } from '../../aggregate/store.ts';
import { isU64 } from '../../contracts/ids.ts';
import { AppError } from '../../platform/errors.ts';
import { defineCommand } from '../command.ts';
import { explainRow } from '../explain/explain-row.ts';
import { explanationText } from '../explain/explanation-text.ts';
import { findRows } from '../explain/find-rows.ts';
import type { RowQuery } from '../explain/find-rows.ts';
import { openStoreReader } from '../explain/store-reader.ts';
import { storeTakes, withStore } from '../rebuild/store-access.ts';
import { instantMs } from '../setting-schemas.ts';

export const explainCommand = defineCommand({
  name: 'explain',
  what: 'where a row comes from: its sum, the intervals and events behind it, feed offsets, binlog positions, corrections',
  example:
    'usagestream explain 5216 --sink mysql://api@db:3306\n' +
    'usagestream explain --account 4 --type 1 --resource 17 --window 2026-03-03T12:00:00Z --sink mysql://api@db:3306',
  args: { name: '[id...]', what: 'ids of rows of cloud_usage' },
  takes: [...storeTakes, 'cloudUsageSchema', 'generation'],
  options: [
    new Option('--account <id>', 'account of the row, instead of its id'),
    new Option('--type <n>', 'usage type'),
    new Option('--resource <id>', 'usage_id or vm_instance_id (default: every resource)'),
    new Option('--window <time>', 'a time within the window'),
    new Option('--no-quirks', "do not look for quirks, which folds the account's past again"),
  ],
  run: async (values, own, context) => {
    const queries = queriesOf(own);
    return withStore(values, async ({ pool, target }) => {
      const generation = await requireFollowed(pool, values.schema, values.generation);
      const store = { ...values, pool, generation };
      await using opened = new AsyncDisposableStack();
      const readers = new Map<number, StoreReader>();
      const readerOf = async ({ id }: MadeGeneration) => {
        if (own['quirks'] === false) return null;
        const reader =
          readers.get(id) ?? opened.use(await openStoreReader(target, values.schema, id));
        readers.set(id, reader);
        return reader;
      };
      const explained = [];
      for (const query of queries) {
        const found = await findRows(store, query);
        const reader = await readerOf(found.generation);
        for (const row of found.rows)
          explained.push(await explainRow({ ...store, generation: found.generation }, row, reader));
      }
      if (context.json) console.log(JSON.stringify(explained));
      else console.log(explained.map((one) => explanationText(one).join('\n')).join('\n\n'));
      return 0;
    });
  },
});

/** @throws CONFIG_INVALID with everything that is missing or wrong. */
function queriesOf(own: Readonly<Record<string, unknown>>): RowQuery[] {
  const ids = own['args'] as string[];
  const problems: string[] = [];
  const text = (name: string): string | null => (typeof own[name] === 'string' ? own[name] : null);
  const whole = (name: string, value: string | null) => {
    if (value !== null && !isU64(value)) problems.push(`${name}: ${value} is no id`);
    return value;
  };
  const account = whole('--account', text('account'));
  const type = whole('--type', text('type'));
  const resource = whole('--resource', text('resource'));
  const window = instantMs.safeParse(text('window') ?? undefined);
  if (ids.length > 0) {
    for (const id of ids) whole('row id', id);
    if (account !== null || type !== null) problems.push('give ids, or --account and --type');
    if (problems.length === 0) return ids.map((id) => ({ id }));
  } else if (account === null || type === null || text('window') === null) {
    problems.push('give the id of a row, or --account, --type and --window');
  } else if (!window.success) {
    problems.push(...window.error.issues.map(({ message }) => `--window: ${message}`));
  }
  if (problems.length > 0) throw new AppError('CONFIG_INVALID', { problems });
  return [{ account: account!, type: Number(type), resource, windowMs: window.data! }];
}
