import { randomBytes } from 'node:crypto';
import { findDebeziumJars } from '../../deploy/dev/debezium-jars.ts';
import { findJava } from '../../deploy/dev/java.ts';
import { findKafkaJars } from '../../deploy/dev/kafka-jars.ts';
import { findMariaDb } from '../../deploy/dev/mariadb.ts';
import { leftOut } from './left-out.ts';

export { startKafka } from '../../deploy/dev/kafka.ts';
export type { LocalServer } from '../../deploy/dev/local-server.ts';
export { startMariaDb } from '../../deploy/dev/mariadb.ts';

/** The servers that every test shares; each owns its topics and schemas by a random suffix. */
export function servers(): { readonly mariadbUrl: string; readonly kafkaBrokers: string[] } {
  return {
    mariadbUrl: required('USAGESTREAM_MARIADB_URL'),
    kafkaBrokers: required('USAGESTREAM_KAFKA').split(','),
  };
}

/**
 * Whether a test may start servers that it can hurt; without the programs it is skipped, and says so:
 * with servers in containers or elsewhere they may not be on this machine.
 */
export function canStartServers(): boolean {
  return present('MariaDB, Java and Kafka', [findMariaDb(), findJava(), findKafkaJars()]);
}

export const canStartMariaDb = (): boolean => present('MariaDB', [findMariaDb()]);

/** Whether tests may start a MariaDB of their own and a real Debezium beside the tailer. */
export const canRunDebezium = (): boolean =>
  present('MariaDB, Java and Debezium', [findMariaDb(), findJava(), findDebeziumJars()]);

function present(what: string, found: readonly unknown[]): boolean {
  if (found.every((program) => program !== undefined)) return true;
  return leftOut('tests that hurt a server of their own', `no ${what} on this machine`);
}

export function randomSuffix(): string {
  return randomBytes(4).toString('hex');
}

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run npm test, which starts the servers`);
  return value;
}
