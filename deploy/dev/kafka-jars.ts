import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cached, cacheFolder } from './cache.ts';
import { findProgram } from './find-program.ts';
import { runTool } from './processes.ts';
import { say, step } from './say.ts';

export const KAFKA_VERSION = '4.3.1';
const CACHE = `kafka-${KAFKA_VERSION}`;

/** @returns the folder of the broker's jars, if they are here already. */
export function findKafkaJars(): string | undefined {
  const folder = process.env['USAGESTREAM_KAFKA_LIBS'] ?? join(cacheFolder(), CACHE, 'libs');
  return existsSync(folder) ? folder : undefined;
}

/**
 * Brings the broker's jars by Maven, which knows the machine's mirrors and proxies.
 *
 * @param java the Java that Maven is to run on.
 */
export async function fetchKafkaJars(java: string, signal: AbortSignal): Promise<string> {
  const found = findKafkaJars();
  if (found !== undefined) return found;
  const mvn = findProgram('mvn');
  if (mvn === undefined) throw new Error('mvn was not found on PATH: install Maven');
  const home = await cached(CACHE, (folder) =>
    step(`downloading Kafka ${KAFKA_VERSION} (about 55 MB, once)`, async () => {
      writeFileSync(join(folder, 'pom.xml'), pom);
      const goal = 'dependency:copy-dependencies';
      const args = ['-B', goal, '-DoutputDirectory=libs', '-DincludeScope=runtime'];
      const env = { ...process.env, JAVA_HOME: join(java, '..', '..') };
      const onOutput = countDownloads();
      await runTool(mvn, args, { cwd: folder, env, signal, onOutput });
      const jars = readdirSync(join(folder, 'libs'));
      if (!jars.some((jar) => jar.startsWith('kafka_'))) throw new Error('Maven brought no Kafka');
    }),
  );
  return join(home, 'libs');
}

function countDownloads(): (text: string) => void {
  let files = 0;
  return (text) => {
    for (const _ of text.matchAll(/Downloaded from/g)) {
      files += 1;
      if (files % 100 === 0) say(`downloading Kafka ${KAFKA_VERSION} ... ${files} files`);
    }
  };
}

const dependency = (group: string, artifact: string, version: string) =>
  `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId>` +
  `<version>${version}</version></dependency>`;

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>usagestream</groupId>
  <artifactId>kafka-for-development</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    ${dependency('org.apache.kafka', 'kafka_2.13', KAFKA_VERSION)}
    ${dependency('org.apache.kafka', 'kafka-tools', KAFKA_VERSION)}
    ${dependency('org.apache.logging.log4j', 'log4j-slf4j-impl', '2.25.4')}
  </dependencies>
</project>
`;
