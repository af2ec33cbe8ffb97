import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from './cache.ts';
import { fetchJars } from './maven-jars.ts';

export const KAFKA_VERSION = '4.3.1';
const CACHE = `kafka-${KAFKA_VERSION}`;

/** @returns the folder of the broker's jars, if they are here already. */
export function findKafkaJars(): string | undefined {
  const folder = process.env['USAGESTREAM_KAFKA_LIBS'] ?? join(cacheFolder(), CACHE, 'libs');
  return existsSync(folder) ? folder : undefined;
}

/**
 * Brings the broker's jars.
 *
 * @param java the Java that Maven is to run on.
 */
export async function fetchKafkaJars(java: string, signal: AbortSignal): Promise<string> {
  const found = findKafkaJars();
  if (found !== undefined) return found;
  const wanted = {
    folder: CACHE,
    title: `Kafka ${KAFKA_VERSION}`,
    size: 'about 55 MB',
    mustHave: 'kafka_',
    artifacts: [
      { group: 'org.apache.kafka', artifact: 'kafka_2.13', version: KAFKA_VERSION },
      { group: 'org.apache.kafka', artifact: 'kafka-tools', version: KAFKA_VERSION },
      { group: 'org.apache.logging.log4j', artifact: 'log4j-slf4j-impl', version: '2.25.4' },
    ],
  };
  return fetchJars(wanted, java, signal);
}
