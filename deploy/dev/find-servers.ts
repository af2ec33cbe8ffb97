import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { installPackages } from './debian.ts';
import { dockerAnswers, startKafkaContainer, startMariaDbContainer } from './docker.ts';
import { findProgram } from './find-program.ts';
import { findGalera } from './galera.ts';
import { findJava } from './java.ts';
import { fetchKafkaJars, findKafkaJars } from './kafka-jars.ts';
import { hasBroker, startKafka } from './kafka.ts';
import { findMariaDb, startMariaDb } from './mariadb.ts';
import { answers } from './ports.ts';
import { say, step } from './say.ts';

export type Servers = AsyncDisposable & {
  readonly mariadbUrl: string;
  readonly kafka: string;
  /** The processes of ours, none when the servers are the user's or in containers. */
  readonly pids: readonly number[];
};

type Address = { readonly address: string; readonly pid?: number };
const none: Address = { address: '' };
type Found = { mariadb: Address; kafka: Address };

/**
 * Finds or starts a MariaDB and a Kafka: the addresses in the environment, else containers where a
 * Docker daemon answers, else processes of our own.
 *
 * @param yes install missing packages without asking.
 * @param withKafka false: only the database; the broker's address is empty then.
 * @param withGalera Bring its library, too, where that is possible: for tests of a cluster.
 */
export async function findServers(
  yes: boolean,
  signal: AbortSignal,
  withKafka = true,
  withGalera = false,
): Promise<Servers> {
  const given = withKafka ? await givenServers() : { ...(await givenServers()), kafka: none };
  await using started = new AsyncDisposableStack();
  const found =
    given.mariadb && given.kafka
      ? { mariadb: given.mariadb, kafka: given.kafka }
      : useDocker()
        ? await Promise.race([inContainers(given, started), untilAborted(signal)])
        : await asProcesses(given, started, { yes, signal, withGalera });
  signal.throwIfAborted();
  const keep = started.move();
  return {
    mariadbUrl: found.mariadb.address,
    kafka: found.kafka.address,
    pids: [found.mariadb.pid, found.kafka.pid].filter((pid) => pid !== undefined),
    [Symbol.asyncDispose]: () => keep.disposeAsync(),
  };
}

async function givenServers(): Promise<Partial<Found>> {
  const mariadb = process.env['USAGESTREAM_MARIADB_URL'];
  const kafka = process.env['USAGESTREAM_KAFKA'];
  if (mariadb) {
    const { hostname, port } = new URL(mariadb);
    await mustAnswer('USAGESTREAM_MARIADB_URL', hostname, Number(port || 3306));
  }
  if (kafka) {
    const [host = '', port = '9092'] = (kafka.split(',')[0] ?? '').split(':');
    await mustAnswer('USAGESTREAM_KAFKA', host, Number(port));
  }
  return {
    ...(mariadb ? { mariadb: { address: mariadb } } : {}),
    ...(kafka ? { kafka: { address: kafka } } : {}),
  };
}

async function mustAnswer(setting: string, host: string, port: number): Promise<void> {
  if (await answers(host, port)) return say(`using ${host}:${port} (${setting})`);
  throw new Error(`${setting}: nothing answers on ${host}:${port}; start it or unset ${setting}`);
}

function useDocker(): boolean {
  const forced = process.env['USAGESTREAM_SERVERS'];
  if (forced === 'docker' || forced === 'local') return forced === 'docker';
  if (forced) throw new Error(`USAGESTREAM_SERVERS must be local or docker, not ${forced}`);
  return dockerAnswers();
}

async function inContainers(given: Partial<Found>, started: AsyncDisposableStack): Promise<Found> {
  const start = async (name: string, run: typeof startKafkaContainer) =>
    step(`starting ${name} in Docker`, async () => started.use(await run()));
  const [mariadb, kafka] = await Promise.all([
    given.mariadb ?? start('MariaDB', startMariaDbContainer),
    given.kafka ?? start('Kafka', startKafkaContainer),
  ]);
  if (!given.kafka) await brokerOf(kafka.address);
  return { mariadb, kafka };
}

// Pulling an image cannot be cut short; what it would start the reaper of testcontainers removes.
async function untilAborted(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) await once(signal, 'abort');
  throw new Error('stopped');
}

async function brokerOf(address: string): Promise<void> {
  const [host = '', port = ''] = address.split(':');
  for (let waited = 0; !(await hasBroker(host, Number(port))); waited += 1) {
    if (waited === 300) throw new Error(`the broker in Docker does not answer on ${address}`);
    await sleep(200);
  }
}

async function asProcesses(
  given: Partial<Found>,
  started: AsyncDisposableStack,
  { yes, signal, withGalera }: { yes: boolean; signal: AbortSignal; withGalera: boolean },
): Promise<Found> {
  const galera = withGalera && findGalera() === undefined;
  await installPackages({ ...whatIsMissing(given), galera }, yes, signal);
  const java = findJava();
  if (!given.kafka && java !== undefined) await fetchKafkaJars(java, signal);
  say('starting servers of our own on 127.0.0.1 ...');
  const options = { log: say, signal };
  const start = async (run: typeof startKafka) => started.use(await run(options));
  // Both to their end, even if one fails: what has started must be on the stack to be stopped.
  const [mariadb, kafka] = await Promise.allSettled([
    given.mariadb ?? start(startMariaDb).then(({ url, pid }) => ({ address: url, pid })),
    given.kafka ??
      start(startKafka).then(({ host, port, pid }) => ({ address: `${host}:${port}`, pid })),
  ]);
  if (mariadb.status === 'rejected') throw mariadb.reason;
  if (kafka.status === 'rejected') throw kafka.reason;
  return { mariadb: mariadb.value, kafka: kafka.value };
}

function whatIsMissing(given: Partial<Found>) {
  const jars = findKafkaJars();
  return {
    mariadb: !given.mariadb && findMariaDb() === undefined,
    java: !given.kafka && findJava() === undefined,
    maven: !given.kafka && jars === undefined && findProgram('mvn') === undefined,
  };
}
