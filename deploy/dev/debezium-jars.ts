import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from './cache.ts';
import { KAFKA_VERSION } from './kafka-jars.ts';
import { fetchJars } from './maven-jars.ts';

const DEBEZIUM_VERSION = '3.5.0.Final';
const CACHE = `debezium-${DEBEZIUM_VERSION}`;

/** @returns the folder with Kafka Connect and Debezium's connectors, if they are here already. */
export function findDebeziumJars(): string | undefined {
  const folder = process.env['USAGESTREAM_DEBEZIUM_LIBS'] ?? join(cacheFolder(), CACHE, 'libs');
  return existsSync(folder) ? folder : undefined;
}

/**
 * Brings Kafka Connect with Debezium's connectors for MariaDB and MySQL; for tests that compare with them.
 *
 * @param java the Java that Maven is to run on.
 */
export async function fetchDebeziumJars(java: string, signal: AbortSignal): Promise<string> {
  const found = findDebeziumJars();
  if (found !== undefined) return found;
  const debezium = { group: 'io.debezium', version: DEBEZIUM_VERSION };
  const kafka = { group: 'org.apache.kafka', version: KAFKA_VERSION };
  const wanted = {
    folder: CACHE,
    title: `Debezium ${DEBEZIUM_VERSION}`,
    size: 'about 46 MB',
    mustHave: 'debezium-connector-mariadb',
    artifacts: [
      { ...debezium, artifact: 'debezium-connector-mariadb' },
      { ...debezium, artifact: 'debezium-connector-mysql' },
      { ...kafka, artifact: 'connect-runtime' },
      { ...kafka, artifact: 'connect-json' },
      { group: 'org.apache.logging.log4j', artifact: 'log4j-slf4j-impl', version: '2.25.4' },
    ],
  };
  return fetchJars(wanted, java, signal);
}
