// One command from a fresh clone: brings Node 24 and the dependencies, then runs what was asked.
// Plain JavaScript without dependencies, for any Node >= 18.
import { resolve } from 'node:path';
import { installDependencies } from './dependencies.mjs';
import { nodeFlags } from './node-flags.mjs';
import { findNode24, nodeEnvironment } from './node24.mjs';
import { forwardSignals, Interrupted, run } from './processes.mjs';
import { say } from './progress.mjs';

const root = resolve(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '../..');
// Most tests wait for servers: more at once than there are cores, and time for a busy machine.
const vitest = [
  ...['node_modules/vitest/vitest.mjs', 'run', '--maxWorkers=3'],
  ...['--testTimeout=30000', '--hookTimeout=60000'],
];
const checks = ['check:types', 'check:lint', 'check:format', 'check:dead'];

const commands = {
  unit: (run, args) => run.node([...vitest, 'test/unit', 'test/property', ...args]),
  check: (run) => run.checks(),
  test: async (run, args) => {
    // Naming a file asks for that one test, not for everything.
    const code = args.some((arg) => !arg.startsWith('-')) ? 0 : await run.checks();
    return code === 0
      ? run.withServers([...vitest, ...reporters(), ...args], ['--debezium', '--require'])
      : code;
  },
  demo: (run, args) => {
    const help = args.includes('--help') || args.includes('-h');
    const command = [...nodeFlags, 'src/cli/main.ts', 'demo', ...args];
    if (help) return run.node(command);
    // Its topics are in a file: no broker is needed, nor Java.
    const embedded = /(^|,)--log[=,]embedded(,|$)/.test(args.join(','));
    return run.withServers(command, embedded ? ['--without-kafka'] : []);
  },
  bench: (run, args) => run.withServers(['test/bench/main.ts', ...args]),
  golden: (run, args) => run.withServers(['test/golden/main.ts', ...args]),
  chaos: (run, args) => run.withServers(['test/chaos/main.ts', ...args]),
  cli: (run, args) => run.node([...nodeFlags, 'src/cli/main.ts', ...args]),
};

function runner(node, options) {
  const env = nodeEnvironment(node);
  const spawnOptions = { cwd: root, env, last: true };
  return {
    node: (args) => run(node, args, spawnOptions),
    async checks() {
      const failed = [];
      for (const script of checks) {
        say(script);
        const code = await run(node, ['--run', script], { cwd: root, env, group: true });
        if (code !== 0) failed.push(script);
      }
      if (failed.length > 0) say(`failed: ${failed.join(', ')}`);
      return failed.length > 0 ? 1 : 0;
    },
    withServers: (args, more = []) =>
      run(node, ['deploy/dev/with-servers.ts', ...options, ...more, '--', node, ...args], {
        ...spawnOptions,
        stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
        // Servers that were asked to stay are held by that process: it lives on without us.
        onMessage: (message, child, done) => {
          child.disconnect();
          child.unref();
          done(message.kept);
        },
      }),
  };
}

// A report for machines beside the one for people; `.ci/run` counts from it.
function reporters() {
  const file = process.env.USAGESTREAM_TEST_REPORT;
  return file
    ? ['--reporter=default', '--reporter=json', `--outputFile.json=${resolve(file)}`]
    : [];
}

async function main([name, ...args]) {
  const command = Object.hasOwn(commands, name ?? '') ? commands[name] : undefined;
  if (!command) {
    say(`usage: node deploy/dev/bootstrap.mjs <${Object.keys(commands).join('|')}> [arguments]`);
    return 2;
  }
  const yes = name !== 'cli' && args.includes('--yes');
  const options = [...(yes ? ['--yes'] : []), ...(args.includes('--keep') ? ['--keep'] : [])];
  // --yes is for the set-up alone; --keep the demo must know too.
  const rest = args.filter(
    (arg) => (!yes || arg !== '--yes') && (name === 'demo' || name === 'cli' || arg !== '--keep'),
  );
  const node = await findNode24();
  await installDependencies(root, node);
  return command(runner(node, options), rest);
}

forwardSignals();
try {
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exit(error instanceof Interrupted ? error.code : 1);
}
