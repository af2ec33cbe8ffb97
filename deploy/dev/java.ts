import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, isExecutable } from './find-program.ts';

/** A Kafka 4 broker needs this one. */
const OLDEST = 17;

/** @returns a Java new enough for the broker, which need not be the one on PATH. */
export function findJava(): string | undefined {
  const home = process.env['JAVA_HOME'];
  const candidates = [
    process.env['USAGESTREAM_JAVA'],
    home && join(home, 'bin', 'java'),
    findProgram('java'),
    ...listInstalled(),
  ];
  return candidates.find((java) => java !== undefined && isExecutable(java) && isNewEnough(java));
}

function isNewEnough(java: string): boolean {
  const { stderr } = spawnSync(java, ['-version'], { encoding: 'utf8' });
  return Number(/version "(\d+)/.exec(stderr)?.[1]) >= OLDEST;
}

function listInstalled(): string[] {
  try {
    return readdirSync('/usr/lib/jvm').map((name) => join('/usr/lib/jvm', name, 'bin', 'java'));
  } catch {
    return [];
  }
}
