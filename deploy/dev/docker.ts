import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import type { StartedTestContainer } from 'testcontainers';
import { kafkaProperties } from './kafka.ts';
import { KAFKA_VERSION } from './kafka-jars.ts';
import { mariaDbSettings } from './mariadb.ts';
import { mysqlSettings } from './mysql.ts';

export type Container = AsyncDisposable & { readonly address: string };

/** Tells whether a Docker daemon answers at once; a client without a daemon is common. */
export function dockerAnswers(): boolean {
  const options = { timeout: 2000, killSignal: 'SIGKILL', stdio: 'ignore' } as const;
  return spawnSync('docker', ['info', '--format', '{{.ID}}'], options).status === 0;
}

/** @returns a running MariaDB; `address` is its URL. */
export async function startMariaDbContainer(): Promise<Container> {
  // Loaded here, for it is large and most machines that lack Docker never need it.
  const { GenericContainer, Wait } = await import('testcontainers');
  const password = randomBytes(12).toString('hex');
  const settings = Object.entries(mariaDbSettings);
  const container = await new GenericContainer('mariadb:10.11')
    .withEnvironment({ MARIADB_ROOT_PASSWORD: password })
    .withCommand(settings.map(([key, value]) => `--${key.replaceAll('_', '-')}=${value}`))
    .withExposedPorts(3306)
    // The image starts a server without a port to set it up, then the real one.
    .withWaitStrategy(Wait.forLogMessage(/port: 3306/))
    .withStartupTimeout(180_000)
    .start();
  const host = `${container.getHost()}:${container.getMappedPort(3306)}`;
  return wrap(container, `mysql://root:${password}@${host}`);
}

/** @returns a running MySQL; `address` is its URL. */
export async function startMysqlContainer(): Promise<Container> {
  const { GenericContainer, Wait } = await import('testcontainers');
  const password = randomBytes(12).toString('hex');
  const settings = Object.entries(mysqlSettings);
  const container = await new GenericContainer('mysql:8.4')
    .withEnvironment({ MYSQL_ROOT_PASSWORD: password })
    .withCommand(settings.map(([key, value]) => `--${key.replaceAll('_', '-')}=${value}`))
    .withExposedPorts(3306)
    // As MariaDB's: the first server, which sets it up, has port 0.
    .withWaitStrategy(Wait.forLogMessage(/port: 3306/))
    .withStartupTimeout(180_000)
    .start();
  const host = `${container.getHost()}:${container.getMappedPort(3306)}`;
  return wrap(container, `mysql://root:${password}@${host}`);
}

const START_FILE = '/tmp/usagestream-start.sh';

/** @returns a running broker; `address` is its host:port. */
export async function startKafkaContainer(): Promise<Container> {
  const { GenericContainer, Wait } = await import('testcontainers');
  const container = await new GenericContainer(`apache/kafka:${KAFKA_VERSION}`)
    .withEnvironment(kafkaEnvironment())
    .withExposedPorts(9092)
    // The address that clients are sent to is known only when the port has been mapped: the
    // container waits for a script that names it.
    .withEntrypoint(['sh', '-c'])
    .withCommand([`echo waiting; until [ -f ${START_FILE} ]; do sleep 0.1; done; sh ${START_FILE}`])
    .withWaitStrategy(Wait.forLogMessage('waiting'))
    .withStartupTimeout(180_000)
    .start();
  const address = `${container.getHost()}:${container.getMappedPort(9092)}`;
  const advertised = `PLAINTEXT://${address},INTERNAL://localhost:9093`;
  const content = `export KAFKA_ADVERTISED_LISTENERS=${advertised}\nexec /etc/kafka/docker/run\n`;
  await container.copyContentToContainer([{ content, target: START_FILE }]);
  return wrap(container, address);
}

// The image reads its settings from the environment and, given any, drops its own defaults.
function kafkaEnvironment(): Record<string, string> {
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': '1@localhost:9094',
    'controller.listener.names': 'CONTROLLER',
    listeners: 'PLAINTEXT://:9092,INTERNAL://:9093,CONTROLLER://:9094',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'INTERNAL',
    ...kafkaProperties,
  };
  const name = (key: string) => `KAFKA_${key.toUpperCase().replaceAll('.', '_')}`;
  const entries = Object.entries(properties).map(([key, value]) => [name(key), value] as const);
  return { ...Object.fromEntries(entries), KAFKA_HEAP_OPTS: '-Xms256m -Xmx512m' };
}

function wrap(container: StartedTestContainer, address: string): Container {
  return {
    address,
    async [Symbol.asyncDispose]() {
      await container.stop({ timeout: 0 });
    },
  };
}
