import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cached } from './cache.ts';
import { findProgram } from './find-program.ts';
import { runTool } from './processes.ts';
import { say, step } from './say.ts';

export interface Artifact {
  readonly group: string;
  readonly artifact: string;
  readonly version: string;
}

/**
 * Brings jars with all that they need by Maven, which knows the machine's mirrors and proxies, into
 * `<cache>/<folder>/libs`, once.
 *
 * @param java the Java that Maven is to run on.
 * @param mustHave start of the name of a jar without which the download was of no use.
 */
export async function fetchJars(
  wanted: {
    readonly folder: string;
    /** For people: what is downloaded, and about how much. */
    readonly title: string;
    readonly size: string;
    readonly artifacts: readonly Artifact[];
    readonly mustHave: string;
  },
  java: string,
  signal: AbortSignal,
): Promise<string> {
  const mvn = findProgram('mvn');
  if (mvn === undefined) throw new Error('mvn was not found on PATH: install Maven');
  const { title } = wanted;
  const home = await cached(wanted.folder, (folder) =>
    step(`downloading ${title} (${wanted.size}, once)`, async () => {
      writeFileSync(join(folder, 'pom.xml'), pomOf(wanted.artifacts));
      const goal = 'dependency:copy-dependencies';
      const args = ['-B', goal, '-DoutputDirectory=libs', '-DincludeScope=runtime'];
      const env = { ...process.env, JAVA_HOME: join(java, '..', '..') };
      await runTool(mvn, args, { cwd: folder, env, signal, onOutput: countDownloads(title) });
      const jars = readdirSync(join(folder, 'libs'));
      if (!jars.some((jar) => jar.startsWith(wanted.mustHave)))
        throw new Error(`Maven brought no ${wanted.mustHave}*.jar`);
    }),
  );
  return join(home, 'libs');
}

function countDownloads(title: string): (text: string) => void {
  let files = 0;
  return (text) => {
    for (const _ of text.matchAll(/Downloaded from/g)) {
      files += 1;
      if (files % 100 === 0) say(`downloading ${title} ... ${files} files`);
    }
  };
}

const pomOf = (
  artifacts: readonly Artifact[],
): string => `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>usagestream</groupId>
  <artifactId>jars-for-development</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
${artifacts.map(dependency).join('\n')}
  </dependencies>
</project>
`;

const dependency = ({ group, artifact, version }: Artifact): string =>
  `    <dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId>` +
  `<version>${version}</version></dependency>`;
