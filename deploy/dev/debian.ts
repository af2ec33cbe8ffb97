import { spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline/promises';
import { findProgram } from './find-program.ts';
import { runTool } from './processes.ts';
import { step } from './say.ts';

export type Missing = {
  readonly mariadb: boolean;
  readonly java: boolean;
  readonly maven: boolean;
  /** Wanted where it can be had: what cannot go without it says so itself. */
  readonly galera: boolean;
};

/**
 * Installs what is missing from Debian's or Ubuntu's packages.
 *
 * Only packages that hold programs and no service are taken (`mariadb-server-core`, not
 * `mariadb-server`), and nothing may be removed for them: a database that this machine runs is
 * neither replaced nor started nor stopped.
 *
 * @param yes do not ask first.
 * @throws Error that says what to install when it cannot be done here or is not wanted.
 */
export async function installPackages(
  asked: Missing,
  yes: boolean,
  signal: AbortSignal,
): Promise<void> {
  const missing = { ...asked, galera: asked.galera && canInstall('galera-4') };
  const names = describe(missing);
  if (names.length === 0) return;
  if (!findProgram('apt-get')) throw new Error(`Install ${names.join(', ')}${OTHERWISE}`);
  if (process.getuid?.() !== 0) {
    const packages = choosePackages(missing).join(' ');
    throw new Error(
      `Missing: ${names.join(', ')}. As root, run\n` +
        `  apt-get install --no-install-recommends ${packages}\nand then this again${OTHERWISE}`,
    );
  }
  if (!yes) await ask(names, choosePackages(missing), signal);

  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' };
  const apt = (...args: string[]) =>
    runTool('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=120', ...args], { env, signal });
  await step('reading the package lists (apt-get update)', () => apt('update'));
  const packages = choosePackages(missing);
  await step(`installing ${packages.join(', ')}`, () =>
    apt('install', '-y', '--no-install-recommends', '--no-remove', ...packages),
  );
}

const canInstall = (name: string): boolean =>
  process.getuid?.() === 0 && findProgram('apt-get') !== undefined && candidate(name) !== '';

const OTHERWISE =
  ', or start Docker, or name servers of your own in USAGESTREAM_MARIADB_URL and USAGESTREAM_KAFKA.';

function describe(missing: Missing): string[] {
  return [
    ...(missing.mariadb ? ['MariaDB (mariadbd, mariadb-install-db)'] : []),
    ...(missing.java ? ['Java 17 or later'] : []),
    ...(missing.maven ? ['Maven'] : []),
    ...(missing.galera ? ['Galera (libgalera_smm.so)'] : []),
  ];
}

function choosePackages(missing: Missing): string[] {
  // `mariadb-install-db` needs a tool that lies in the client's package; Ubuntu 22.04 has a version
  // in the names.
  const suffix = candidate('mariadb-server-core') === '' ? '-10.6' : '';
  const mariadb = [`mariadb-server-core${suffix}`, `mariadb-client-core${suffix}`];
  const java = ['default-jre-headless', 'openjdk-17-jre-headless'];
  return [
    ...(missing.mariadb ? mariadb : []),
    // Ubuntu 22.04's default is Java 11, too old for the broker.
    ...(missing.java ? [java.find((name) => javaVersion(candidate(name)) >= 17) ?? java[0]] : []),
    ...(missing.maven ? ['maven'] : []),
    ...(missing.galera ? ['galera-4'] : []),
  ].filter((name) => name !== undefined);
}

function candidate(name: string): string {
  const { stdout } = spawnSync('apt-cache', ['policy', name], { encoding: 'utf8' });
  const version = /Candidate: (\S+)/.exec(stdout)?.[1] ?? '';
  return version === '(none)' ? '' : version;
}

// `default-jre-headless` is 2:1.17-74 where `openjdk-17-jre-headless` is 17.0.15+6-1.
function javaVersion(version: string): number {
  return Number(/^(?:\d+:)?(?:1\.)?(\d+)/.exec(version)?.[1] ?? 0);
}

async function ask(names: readonly string[], packages: readonly string[], signal: AbortSignal) {
  const refusal = `Missing: ${names.join(', ')}. Say --yes to install ${packages.join(', ')}`;
  if (!process.stdin.isTTY) throw new Error(`${refusal}${OTHERWISE}`);
  // Not in raw mode, where Ctrl-C would be a mere character.
  const terminal = createInterface({
    input: process.stdin,
    output: process.stderr,
    terminal: false,
  });
  try {
    const question = `Missing: ${names.join(', ')}. Install ${packages.join(', ')} now? [y/N] `;
    const answer = await terminal.question(question, { signal });
    if (!/^y(es)?$/i.test(answer.trim())) throw new Error(`${refusal}${OTHERWISE}`);
  } finally {
    terminal.close();
  }
}
