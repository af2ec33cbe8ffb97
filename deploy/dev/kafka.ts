import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { findJava } from './java.ts';
import { findKafkaJars } from './kafka-jars.ts';
import { startLocalServer, type LocalServer, type Log } from './local-server.ts';
import { answers, freePort } from './ports.ts';
import { runTool } from './processes.ts';
import { createDataFolder } from './run-folder.ts';

export type KafkaOptions = {
  /** Kept at the end when given; it must not hold data yet. */
  readonly dir?: string;
  readonly port?: number;
  /** Lines of server.properties beside or instead of ours. */
  readonly properties?: Readonly<Record<string, string>>;
  /** One more listener; brokers tell clients of it to come to `advertised` (default: its own port). */
  readonly extra?: {
    readonly name: string;
    readonly protocol: 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL';
    readonly port: number;
    readonly advertised?: number;
  };
  /** Credentials made at the start, as `StorageTool --add-scram` takes them. */
  readonly scram?: readonly string[];
  /** Nodes of one cluster have the same, 22 characters of base64url; a new one when left out. */
  readonly clusterId?: string;
  /** Largest heap, MB. */
  readonly heapMb?: number;
  readonly log?: Log;
  readonly signal?: AbortSignal;
};

/** What the program needs of a broker, and what makes a single one quick to start. */
export const kafkaProperties: Readonly<Record<string, string>> = {
  'auto.create.topics.enable': 'false',
  // A broker that was killed may not come back before the session of its former self has ended.
  'broker.heartbeat.interval.ms': '500',
  'broker.session.timeout.ms': '3000',
  'default.replication.factor': '1',
  'group.initial.rebalance.delay.ms': '0',
  // Tests that kill members wait for the end of their sessions.
  'group.min.session.timeout.ms': '1000',
  'min.insync.replicas': '1',
  'offsets.topic.num.partitions': '4',
  'offsets.topic.replication.factor': '1',
  'transaction.max.timeout.ms': '900000',
  'transaction.state.log.min.isr': '1',
  'transaction.state.log.num.partitions': '4',
  'transaction.state.log.replication.factor': '1',
};

/** 16 random bytes, the first of which makes no dash: the tool would take that for an option. */
export function newClusterId(): string {
  const bytes = randomBytes(16);
  bytes[0] = bytes[0]! & 0x7f;
  return bytes.toString('base64url');
}

/** Starts a broker of one node (KRaft) with its own data folder and ports. */
export async function startKafka(options: KafkaOptions = {}): Promise<LocalServer> {
  const java = findJava();
  const jars = findKafkaJars();
  if (!java || !jars) throw new Error('Java or Kafka is not installed (see with-servers.ts)');
  const dir = options.dir ?? createDataFolder('kafka');
  const data = join(dir, 'data');
  if (existsSync(data)) throw new Error(`${data} already holds data`);
  mkdirSync(dir, { recursive: true });
  const port = options.port ?? (await freePort());

  const properties = join(dir, 'server.properties');
  writeFileSync(properties, configuration(data, port, await freePort(), options));
  const logging = join(dir, 'log4j2.xml');
  writeFileSync(logging, log4j);
  const jvm = [
    '-Xms256m',
    `-Xmx${options.heapMb ?? 512}m`,
    `-Dlog4j2.configurationFile=${logging}`,
  ];
  const main = ['-cp', join(jars, '*')];
  const clusterId = options.clusterId ?? newClusterId();
  const format = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', properties];
  for (const credential of options.scram ?? []) format.push('--add-scram', credential);
  await runTool(java, [...quickStart, ...main, ...format], { cwd: dir, signal: options.signal });

  const spec = {
    name: 'Kafka',
    url: `kafka://127.0.0.1:${port}`,
    host: '127.0.0.1',
    port,
    dir,
    ownsDir: options.dir === undefined,
    logFile: join(dir, 'kafka.log'),
    file: java,
    args: [...jvm, ...main, 'kafka.Kafka', properties],
    isReady: () => hasBroker('127.0.0.1', port),
    log: options.log ?? (() => {}),
    signal: options.signal,
  };
  return startLocalServer(spec);
}

/** Tells whether the cluster there has a broker that takes part in it. */
export async function hasBroker(host: string, port: number): Promise<boolean> {
  // kafkajs would spend seconds on retries while nothing listens.
  if (!(await answers(host, port))) return false;
  const client = new Kafka({
    brokers: [`${host}:${port}`],
    logLevel: logLevel.NOTHING,
    connectionTimeout: 2000,
    retry: { retries: 0 },
  });
  const admin = client.admin();
  try {
    await admin.connect();
    return (await admin.describeCluster()).brokers.length > 0;
  } catch {
    return false;
  } finally {
    await admin.disconnect();
  }
}

// A tool that lives for a second gains nothing from the optimising compiler.
const quickStart = ['-XX:TieredStopAtLevel=1', '-Xmx256m'];

function configuration(
  data: string,
  port: number,
  controllerPort: number,
  { extra, properties }: KafkaOptions,
): string {
  const more = extra && `,${extra.name}://127.0.0.1:`;
  const all = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}${extra ? `${more}${extra.port}` : ''}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}${extra ? `${more}${extra.advertised ?? extra.port}` : ''}`,
    'listener.security.protocol.map': `PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT${extra ? `,${extra.name}:${extra.protocol}` : ''}`,
    'log.dirs': data,
    ...kafkaProperties,
    ...properties,
  };
  const lines = Object.entries(all).map(([key, value]) => `${key}=${value}`);
  return [...lines, ''].join('\n');
}

const log4j = `<Configuration status="ERROR">
  <Appenders>
    <Console name="out"><PatternLayout pattern="%d %p %c{1} %m%n"/></Console>
  </Appenders>
  <Loggers><Root level="WARN"><AppenderRef ref="out"/></Root></Loggers>
</Configuration>
`;
