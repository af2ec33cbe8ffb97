// Runs a command with a MariaDB and a Kafka at hand, and leaves nothing behind.
//   node deploy/dev/with-servers.ts [--yes] [--keep] [--without-kafka] [--debezium] [--require] -- command [arguments]
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fetchDebeziumJars } from './debezium-jars.ts';
import { findServers, type Servers } from './find-servers.ts';
import { findJava } from './java.ts';
import { findKafkaJars } from './kafka-jars.ts';
import { offerMysql, ON_DEMAND } from './on-demand.ts';
import { dieWithUs } from './processes.ts';
import {
  createRunFolder,
  endProcessesOf,
  removeFolder,
  removeStaleRuns,
  RUN_FOLDER,
} from './run-folder.ts';
import { say } from './say.ts';

const GRACE_MS = 15_000;
const stop = new AbortController();
let kept = false;

async function main(args: readonly string[]): Promise<number> {
  const split = args.indexOf('--');
  const [options, command] = [args.slice(0, split), args.slice(split + 1)];
  const env = process.env;
  const yes = options.includes('--yes') || isOn(env['USAGESTREAM_YES']) || isOn(env['CI']);
  const keep = options.includes('--keep') || isOn(env['USAGESTREAM_KEEP']);
  for (const old of await removeStaleRuns()) say(`removed what a killed run had left in ${old}`);

  const folder = createRunFolder();
  // Data folders of servers that tests start for themselves go there too.
  env[RUN_FOLDER] = folder;
  try {
    await using servers = await findServers(
      yes,
      stop.signal,
      !options.includes('--without-kafka'),
      options.includes('--require'),
    );
    if (options.includes('--debezium')) await bringDebezium();
    await using mysql = await offerMysql(folder, stop.signal);
    if (options.includes('--require')) env['USAGESTREAM_TEST_REQUIRE'] ??= isComplete(servers);
    const offered = { ...addresses(servers), [ON_DEMAND]: mysql.socket };
    const code = await runCommand(command, offered);
    if (keep && code === 0 && !stop.signal.aborted) await hold(servers, folder);
    return code;
  } finally {
    await endProcessesOf(folder);
    removeFolder(folder);
  }
}

// Tests that compare with it are skipped by name without it.
async function bringDebezium(): Promise<void> {
  const java = findJava();
  if (java === undefined) return;
  try {
    await fetchDebeziumJars(java, stop.signal);
  } catch (error) {
    if (stop.signal.aborted) throw error;
    say(`no Debezium to compare with: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function addresses(servers: Servers): NodeJS.ProcessEnv {
  const { mariadbUrl, kafka } = servers;
  const known = { USAGESTREAM_KAFKA_LIBS: findKafkaJars(), USAGESTREAM_JAVA: findJava() };
  return {
    ...process.env,
    USAGESTREAM_MARIADB_URL: mariadbUrl,
    USAGESTREAM_KAFKA: kafka,
    // Whether the password is one of ours, which may be shown.
    USAGESTREAM_THROWAWAY: process.env['USAGESTREAM_MARIADB_URL'] ? '0' : '1',
    ...Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined)),
  };
}

// Where we start the servers all that tests need can be brought, and CI is to be told when it was not.
const isComplete = ({ pids }: Servers): string =>
  pids.length > 0 || isOn(process.env['CI']) ? '1' : '0';

async function runCommand(command: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const [program = '', ...args] = [...dieWithUs('TERM'), ...command];
  const child = spawn(program, args, { env, stdio: 'inherit' });
  const pass = () => void passOn(child, stop.signal.reason as NodeJS.Signals);
  stop.signal.addEventListener('abort', pass);
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  stop.signal.removeEventListener('abort', pass);
  return code ?? 128 + constants.signals[signal ?? 'SIGKILL'];
}

async function passOn(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  child.kill(signal);
  await sleep(GRACE_MS, undefined, { ref: false });
  child.kill('SIGKILL');
}

// Everything stays up in the hands of this process, which lives on in the background.
async function hold(servers: Servers, folder: string): Promise<void> {
  say('kept running:');
  say(`  MariaDB  ${servers.mariadbUrl}`);
  if (servers.kafka !== '') say(`  Kafka    ${servers.kafka}`);
  if (servers.pids.length > 0) say(`  servers  pid ${servers.pids.join(', ')}, data in ${folder}`);
  say(`stop everything and remove the data: kill ${process.pid}`);
  kept = true;
  process.send?.({ kept: 0 });
  // A pipe that our output goes to would otherwise never end for its reader.
  for (const fd of [0, 1, 2]) {
    closeSync(fd);
    openSync('/dev/null', fd === 0 ? 'r' : 'w');
  }
  const holding = setInterval(() => {}, 60_000);
  if (!stop.signal.aborted) await once(stop.signal, 'abort');
  clearInterval(holding);
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && !['', '0', 'false', 'no'].includes(value);
}

// The first reason counts: a terminal and the programs above us may all pass on the same Ctrl-C.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort(signal));
process.on('SIGHUP', () => kept || stop.abort('SIGTERM'));
// Whoever started us was killed, or is done with us and we hold the servers.
process.on('disconnect', () => kept || stop.abort('SIGTERM'));

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const stopped = stop.signal.aborted;
  if (!stopped) say(error instanceof Error ? error.message : String(error));
  process.exitCode = stopped ? 128 + constants.signals[stop.signal.reason as NodeJS.Signals] : 1;
}
// The IPC channel to the bootstrap would keep us alive.
process.exit();
