import { Option } from 'commander';
import { requireFollowed } from '../../aggregate/made-generation.ts';
import {
  checkSavepoint,
  createSavepoint,
  dropSavepoint,
  listSavepoints,
  requireSavepoint,
} from '../../aggregate/savepoint.ts';
import { defineCommand } from '../command.ts';
import { nameArgument } from '../rebuild/name-argument.ts';
import { storeTakes, withStore } from '../rebuild/store-access.ts';

const create = defineCommand({
  name: 'create',
  what: 'keep the states of a generation at its newest closed window under a name',
  example: 'usagestream savepoint create june --generation main --sink mysql://rebuild@db:3306',
  args: { name: '<name>', what: 'of the savepoint' },
  takes: [...storeTakes, 'generation'],
  options: [new Option('--dry-run', 'only look whether it could be made')],
  run: (values, own, context) =>
    withStore(values, async ({ pool, schema }) => {
      const name = nameArgument(own);
      const generation = await requireFollowed(pool, schema, values.generation);
      const dryRun = own['dryRun'] === true;
      const make = dryRun ? checkSavepoint : createSavepoint;
      const closedUntil = new Date(await make(pool, schema, name, generation)).toISOString();
      const text = dryRun
        ? `${name} would be made of ${generation.name} at ${closedUntil}`
        : `${name}: ${generation.name} at ${closedUntil}`;
      const facts = { name, generation: generation.name, closedUntil, dryRun };
      console.log(context.json ? JSON.stringify(facts) : text);
      return 0;
    }),
});

const list = defineCommand({
  name: 'list',
  what: 'every savepoint: of which generation, at which window',
  example: 'usagestream savepoint list --sink mysql://operator@db:3306',
  takes: storeTakes,
  run: (values, _own, context) =>
    withStore(values, async ({ pool, schema }) => {
      for (const { name, generation, closedUntilMs, accounts, createdAt } of await listSavepoints(
        pool,
        schema,
      )) {
        const closedUntil = new Date(closedUntilMs).toISOString();
        const one = { name, generation, closedUntil, accounts, createdAt };
        console.log(
          context.json
            ? JSON.stringify(one)
            : `${name}  ${generation}  closed until ${closedUntil}  ${accounts} accounts  made ${createdAt}`,
        );
      }
      return 0;
    }),
});

const drop = defineCommand({
  name: 'drop',
  what: 'delete a savepoint; generations that began with it stay',
  example: 'usagestream savepoint drop june --sink mysql://rebuild@db:3306',
  args: { name: '<name>', what: 'of the savepoint' },
  takes: storeTakes,
  options: [new Option('--dry-run', 'only look whether there is one')],
  run: (values, own, context) =>
    withStore(values, async ({ pool, schema }) => {
      const [name = ''] = own['args'] as string[];
      const dryRun = own['dryRun'] === true;
      await (dryRun ? requireSavepoint : dropSavepoint)(pool, schema, name);
      const text = dryRun ? `${name} would be dropped` : `${name} dropped`;
      console.log(context.json ? JSON.stringify({ name, dropped: !dryRun, dryRun }) : text);
      return 0;
    }),
});

export const savepointCommands = { create, list, drop };
