import type { Stage } from '../../src/cli/demo/pipeline.ts';
import { startMysql } from '../../deploy/dev/mysql.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { distinctPorts, startKafkaCluster } from '../support/kafka-cluster.ts';
import { startMariaDb } from '../support/servers.ts';
import type { LocalServer } from '../support/servers.ts';

/** Between whom and whom a proxy stands. */
export const links = [
  'tail-source',
  'tail-log',
  'aggregate-store',
  'aggregate-log',
  'sink-store',
  'sink-log',
] as const;
export type LinkName = (typeof links)[number];

/** A stage's way to a server; of several brokers, to all of them. */
type Link = Pick<FaultProxy, 'set' | 'reset' | 'halfClose' | 'strand'>;

/** A database and brokers that may be hurt, and a proxy between each stage and each of them. */
export interface Arena extends AsyncDisposable {
  readonly database: LocalServer;
  readonly brokers: readonly LocalServer[];
  /** Of the brokers themselves. */
  readonly kafka: string;
  readonly proxies: ReadonlyMap<LinkName, Link>;
  /** What tells a process of the stage to go through its proxies. */
  env(stage: Stage): Readonly<Record<string, string>>;
  heal(): void;
}

const small = { innodb_buffer_pool_size: '128M' };
const stages = ['tail', 'aggregate', 'sink'] as const;

/**
 * @param brokers How many; each topic has a replica on each of them.
 * @param mysql Where the programs of a MySQL are: the database is one then.
 */
export async function openArena(
  log: (text: string) => void = () => {},
  brokers = 1,
  mysql?: string,
): Promise<Arena> {
  await using stack = new AsyncDisposableStack();
  // A client is told where a broker is by the broker itself: one listener for each proxy, told as the proxy's.
  const behind = await distinctPorts(brokers * stages.length);
  const ways: Record<Stage, FaultProxy[]> = { tail: [], aggregate: [], sink: [] };
  const inner = (id: number, stage: Stage) =>
    behind[(id - 1) * stages.length + stages.indexOf(stage)]!;
  for (let id = 1; id <= brokers; id++)
    for (const stage of stages) {
      const target = { host: '127.0.0.1', port: inner(id, stage) };
      ways[stage].push(stack.use(await FaultProxy.open(target)));
    }
  const listener = (stage: Stage) => stage.toUpperCase();
  const at = (name: string, port: number) => `${name}://127.0.0.1:${port}`;
  const [database, cluster] = await Promise.all([
    mysql === undefined
      ? startMariaDb({ log, settings: { ...small, innodb_log_file_size: '64M' } })
      : startMysql({ programs: mysql, log, settings: small }),
    startKafkaCluster({
      log,
      size: brokers,
      properties: (id, { client, controller }) => ({
        listeners: [
          at('PLAINTEXT', client),
          at('CONTROLLER', controller),
          ...stages.map((stage) => at(listener(stage), inner(id, stage))),
        ].join(','),
        'advertised.listeners': [
          at('PLAINTEXT', client),
          ...stages.map((stage) => at(listener(stage), ways[stage][id - 1]!.port)),
        ].join(','),
        'listener.security.protocol.map': ['PLAINTEXT', 'CONTROLLER', ...stages.map(listener)]
          .map((name) => `${name}:PLAINTEXT`)
          .join(','),
        'inter.broker.listener.name': 'PLAINTEXT',
      }),
    }),
  ]);
  stack.use(database);
  stack.use(cluster);
  const databases = {
    tail: 'tail-source',
    aggregate: 'aggregate-store',
    sink: 'sink-store',
  } as const;
  const proxies = new Map<LinkName, Link>();
  const urls = new Map<Stage, string>();
  for (const stage of stages) {
    const proxy = stack.use(await FaultProxy.open(database));
    proxies.set(databases[stage], proxy);
    proxies.set(`${stage}-log`, together(ways[stage]));
    const url = new URL(database.url);
    url.port = String(proxy.port);
    urls.set(stage, url.href);
  }
  const kept = stack.move();
  return {
    database,
    brokers: cluster.nodes,
    kafka: cluster.addresses.join(','),
    proxies,
    env: (stage) => ({
      USAGESTREAM_LOG: `kafka://${ways[stage].map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
      [stage === 'tail' ? 'USAGESTREAM_SOURCE' : 'USAGESTREAM_SINK']: urls.get(stage)!,
    }),
    heal: () => proxies.forEach((proxy) => proxy.set({})),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

const together = (all: readonly FaultProxy[]): Link => ({
  set: (faults) => all.forEach((one) => one.set(faults)),
  reset: () => all.forEach((one) => one.reset()),
  halfClose: (side) => all.forEach((one) => one.halfClose(side)),
  strand: () => all.forEach((one) => one.strand()),
});
