import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findDebeziumJars } from '../../deploy/dev/debezium-jars.ts';
import { findJava } from '../../deploy/dev/java.ts';
import { startLocalServer } from '../../deploy/dev/local-server.ts';
import type { LocalServer } from '../../deploy/dev/local-server.ts';
import { freePort } from '../../deploy/dev/ports.ts';
import { createDataFolder } from '../../deploy/dev/run-folder.ts';
import { parseMysqlUrl } from '../../src/platform/mysql.ts';
import { capturedTables } from '../../src/tail/captured-tables.ts';

export interface DebeziumOptions {
  readonly flavour: 'mariadb' | 'mysql';
  readonly sourceUrl: string;
  readonly kafka: readonly string[];
  readonly prefix: string;
  readonly cloudSchema: string;
  readonly partitions: number;
  /** Records as `{schema, payload}`. */
  readonly schemas?: boolean;
  /** Properties of the connector beside or instead of ours. */
  readonly connector?: Readonly<Record<string, string>>;
  /** Content of the file with the offsets that it is to start from. */
  readonly offsets?: Buffer;
}

/** A real Debezium in Kafka Connect's standalone mode. */
export interface Debezium extends AsyncDisposable {
  /** Name of the connector. */
  readonly name: string;
  /** Where Connect keeps the source offset, complete after a clean stop. */
  readonly offsetsFile: string;
  /** What `GET /connectors/<name>/offsets` answers. */
  offsets(): Promise<unknown>;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** Starts one over the captured tables and columns, and waits until its snapshot is done and it follows the binlog. */
export async function startDebezium(options: DebeziumOptions): Promise<Debezium> {
  const java = findJava();
  const jars = findDebeziumJars();
  if (!java || !jars) throw new Error('Java or Debezium is not here (see with-servers.ts)');
  const dir = createDataFolder('debezium');
  const port = await freePort();
  const name = `${options.prefix}-connector`;
  const offsetsFile = join(dir, 'offsets');
  if (options.offsets) writeFileSync(offsetsFile, options.offsets);
  const files = {
    'worker.properties': properties(worker(options, port, offsetsFile)),
    'connector.properties': properties({ name, ...connector(options, dir), ...options.connector }),
    'log4j2.xml': logging,
  };
  for (const [file, text] of Object.entries(files)) writeFileSync(join(dir, file), text);
  const jvm = ['-Xms64m', '-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
  const server: LocalServer = await startLocalServer({
    name: 'Debezium',
    url: `http://127.0.0.1:${port}`,
    host: '127.0.0.1',
    port,
    dir,
    ownsDir: true,
    logFile: join(dir, 'connect.log'),
    file: java,
    args: [
      ...jvm,
      `-Dlog4j2.configurationFile=${join(dir, 'log4j2.xml')}`,
      ...['-cp', join(jars, '*'), 'org.apache.kafka.connect.cli.ConnectStandalone'],
      ...[join(dir, 'worker.properties'), join(dir, 'connector.properties')],
    ],
    isReady: () => isRunning(port, name),
    log: () => {},
    signal: undefined,
  });
  return {
    name,
    offsetsFile,
    async offsets() {
      const answer = await fetch(`http://127.0.0.1:${port}/connectors/${name}/offsets`);
      return answer.json();
    },
    stop: (signal) => server.stop(signal),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** @throws Error with what Connect says about it when the task has failed. */
async function isRunning(port: number, name: string): Promise<boolean> {
  let status: { connector?: { state: string }; tasks?: { state: string; trace?: string }[] };
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/connectors/${name}/status`);
    if (!answer.ok) return false;
    status = (await answer.json()) as typeof status;
  } catch {
    return false; // It does not listen yet.
  }
  const failed = status.tasks?.find((task) => task.state === 'FAILED');
  if (failed) throw new Error(`Debezium failed: ${failed.trace}`);
  return status.tasks?.[0]?.state === 'RUNNING' && (await followsBinlog(port, name));
}

async function followsBinlog(port: number, name: string): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/connectors/${name}/offsets`);
  const { offsets } = (await answer.json()) as { offsets?: { offset: object }[] };
  const [first] = offsets ?? [];
  return first !== undefined && 'file' in first.offset && !('snapshot' in first.offset);
}

const worker = (options: DebeziumOptions, port: number, offsetsFile: string) => ({
  'bootstrap.servers': options.kafka.join(','),
  listeners: `http://127.0.0.1:${port}`,
  'key.converter': 'org.apache.kafka.connect.json.JsonConverter',
  'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
  'key.converter.schemas.enable': String(options.schemas === true),
  'value.converter.schemas.enable': String(options.schemas === true),
  'offset.storage.file.filename': offsetsFile,
  'offset.flush.interval.ms': '200',
  // A task that is cut off drops what it has not sent yet, of some partitions and not of others.
  'task.shutdown.graceful.timeout.ms': '60000',
  'plugin.discovery': 'service_load',
});

const classes = {
  mariadb: 'io.debezium.connector.mariadb.MariaDbConnector',
  mysql: 'io.debezium.connector.mysql.MySqlConnector',
};

function connector(options: DebeziumOptions, dir: string): Record<string, string> {
  const { flavour, sourceUrl, prefix, cloudSchema } = options;
  const { host, port, user, password } = parseMysqlUrl(sourceUrl);
  const tables = capturedTables.map((table) => `${cloudSchema}.${table.name}`);
  const columns = capturedTables.flatMap((table) =>
    table.columns.map((column) => `${cloudSchema}.${table.name}.${column.name}`),
  );
  return {
    'connector.class': classes[flavour],
    'tasks.max': '1',
    'database.hostname': host,
    'database.port': String(port),
    'database.user': user,
    'database.password': password ?? '',
    'database.server.id': String(7_000_000 + Math.floor(Math.random() * 1_000_000)),
    ...(flavour === 'mysql' ? { 'database.allowPublicKeyRetrieval': 'true' } : {}),
    'database.ssl.mode': flavour === 'mysql' ? 'preferred' : 'disable',
    'topic.prefix': prefix,
    'database.include.list': cloudSchema,
    // Its snapshot reads the tables in the order of this list.
    'table.include.list': tables.join(','),
    'column.include.list': columns.join(','),
    'include.schema.changes': 'false',
    'snapshot.locking.mode': 'none',
    'heartbeat.interval.ms': '300',
    // While the server is idle a heartbeat follows one of the server's, which this asks for.
    'connect.keep.alive.interval.ms': '500',
    'topic.creation.default.partitions': String(options.partitions),
    'topic.creation.default.replication.factor': '1',
    'schema.history.internal': 'io.debezium.storage.file.history.FileSchemaHistory',
    'schema.history.internal.file.filename': join(dir, 'schema-history'),
  };
}

const properties = (all: Readonly<Record<string, string>>): string =>
  Object.entries(all)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');

const logging = `<Configuration status="ERROR">
  <Appenders>
    <Console name="out"><PatternLayout pattern="%d %p %c{1} %m%n"/></Console>
  </Appenders>
  <Loggers><Root level="WARN"><AppenderRef ref="out"/></Root></Loggers>
</Configuration>
`;
