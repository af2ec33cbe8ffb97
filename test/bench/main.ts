import { parseArgs } from 'node:util';
import { benchAggregate } from './aggregate.ts';
import { benchFold } from './fold.ts';
import { benchLarge, largeFlavours } from './large-transaction.ts';
import { benchRebuild } from './rebuild.ts';
import { resultTable } from './result-table.ts';
import type { BenchResult } from './result-table.ts';
import { benchHelpers, benchSink } from './sink.ts';
import { benchTail } from './tail.ts';
import { requireServers } from './bench-servers.ts';

const benches = {
  tail: benchTail,
  large: benchLarge,
  fold: benchFold,
  aggregate: benchAggregate,
  rebuild: benchRebuild,
  sink: benchSink,
  helpers: benchHelpers,
};
type Name = keyof typeof benches;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    events: { type: 'string', default: '1000000' },
    flavour: { type: 'string', default: 'mariadb' },
    help: { type: 'boolean' },
  },
});
if (values.help === true) {
  console.log(
    `npm run bench -- [${Object.keys(benches).join('|')}]… [--events N] [--flavour ${largeFlavours.join('|')}]\n\n` +
      'Measures each stage as a process of its own, beside baselines in the same run, and prints a table.\n' +
      'tail: backlog of single-row inserts; large: one transaction of all rows, what it costs in memory (exit code 1 when too much), on the source that --flavour names; fold: in memory; aggregate: feed to rows; rebuild: feed to a new generation; sink: rows to cloud_usage; helpers: the same with the helper tables.',
  );
  process.exit(0);
}
const events = Number(values.events);
const flavour = largeFlavours.find((each) => each === values.flavour);
if (flavour === undefined) throw new Error(`no flavour ${values.flavour}`);
const chosen = (positionals.length > 0 ? positionals : Object.keys(benches)) as Name[];
const results: BenchResult[] = [];
for (const name of chosen) {
  const bench = benches[name];
  if (bench === undefined)
    throw new Error(`no bench ${name}; there are ${Object.keys(benches).join(', ')}`);
  console.error(`bench ${name}: ${events} events`);
  results.push(
    ...(await bench({
      ...{ ...requireServers(), events, flavour },
      say: (text) => console.error(`  ${text}`),
    })),
  );
  console.log(`\n${resultTable(results)}\n`);
}
