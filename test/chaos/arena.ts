import { freePort } from '../../deploy/dev/ports.ts';
import type { Stage } from '../../src/cli/demo/pipeline.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { startKafka, startMariaDb } from '../support/servers.ts';
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

/** A MariaDB and a broker that may be hurt, and a proxy between each stage and each of them. */
export interface Arena extends AsyncDisposable {
  readonly mariadb: LocalServer;
  readonly kafka: LocalServer;
  readonly proxies: ReadonlyMap<LinkName, FaultProxy>;
  /** What tells a process of the stage to go through its proxies. */
  env(stage: Stage): Readonly<Record<string, string>>;
  heal(): void;
}

export async function openArena(log: (text: string) => void = () => {}): Promise<Arena> {
  await using stack = new AsyncDisposableStack();
  const stages = ['tail', 'aggregate', 'sink'] as const;
  // A client is told where a broker is by the broker itself: one listener for each proxy, told as the proxy's.
  const ports = await distinctPorts(stages.length + 2);
  const [port = 0, controllerPort = 0, ...behind] = ports;
  const proxies = new Map<LinkName, FaultProxy>();
  for (const [i, stage] of stages.entries()) {
    const target = { host: '127.0.0.1', port: behind[i]! };
    proxies.set(`${stage}-log`, stack.use(await FaultProxy.open(target)));
  }
  const listener = (stage: Stage) => stage.toUpperCase();
  const at = (name: string, where: number) => `${name}://127.0.0.1:${where}`;
  const [mariadb, kafka] = await Promise.all([
    startMariaDb({
      log,
      settings: { innodb_buffer_pool_size: '128M', innodb_log_file_size: '64M' },
    }),
    startKafka({
      log,
      port,
      properties: {
        'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
        listeners: [
          at('PLAINTEXT', port),
          at('CONTROLLER', controllerPort),
          ...stages.map((stage, i) => at(listener(stage), behind[i]!)),
        ].join(','),
        'advertised.listeners': [
          at('PLAINTEXT', port),
          ...stages.map((stage) => at(listener(stage), proxies.get(`${stage}-log`)!.port)),
        ].join(','),
        'listener.security.protocol.map': ['PLAINTEXT', 'CONTROLLER', ...stages.map(listener)]
          .map((name) => `${name}:PLAINTEXT`)
          .join(','),
        'inter.broker.listener.name': 'PLAINTEXT',
      },
    }),
  ]);
  stack.use(mariadb);
  stack.use(kafka);
  for (const link of ['tail-source', 'aggregate-store', 'sink-store'] as const)
    proxies.set(link, stack.use(await FaultProxy.open(mariadb)));
  const database = (link: LinkName) => {
    const url = new URL(mariadb.url);
    url.port = String(proxies.get(link)!.port);
    return url.href;
  };
  const kept = stack.move();
  return {
    mariadb,
    kafka,
    proxies,
    env: (stage) => ({
      USAGESTREAM_LOG: `kafka://127.0.0.1:${proxies.get(`${stage}-log`)!.port}`,
      ...(stage === 'tail'
        ? { USAGESTREAM_SOURCE: database('tail-source') }
        : { USAGESTREAM_SINK: database(`${stage}-store`) }),
    }),
    heal: () => proxies.forEach((proxy) => proxy.set({})),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function distinctPorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
}
