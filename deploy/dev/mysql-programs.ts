import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cached, cacheFolder } from './cache.ts';
import { findProgram } from './find-program.ts';
import { runTool } from './processes.ts';
import { step } from './say.ts';

const CACHE = 'mysql-9';
const KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg';
const MIRROR = 'http://deb.debian.org/debian';
const limitMs = 300_000;

/** Folder of a MySQL 9 with all that it needs, its C library included; undefined if it is not here yet. */
export function findMysql(): string | undefined {
  const folder = join(cacheFolder(), CACHE);
  return existsSync(join(folder, 'usr/sbin/mysqld')) ? folder : undefined;
}

/**
 * Brings MySQL 9 from Debian's unstable packages, unpacked into the cache: nothing is installed on this
 * machine, whose own MariaDB excludes MySQL, and neither root nor a chroot is needed. About 60 MB, once.
 *
 * @returns the folder, or why it cannot be had here.
 */
export async function fetchMysql(
  signal: AbortSignal,
): Promise<{ folder: string } | { why: string }> {
  const found = findMysql();
  if (found !== undefined) return { folder: found };
  const [apt, dpkg] = [findProgram('apt-get'), findProgram('dpkg-deb')];
  if (process.platform !== 'linux' || !apt || !dpkg || !existsSync(KEYS))
    return { why: "Debian's packages cannot be had here (apt-get, dpkg-deb and Debian's keys)" };
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
    const folder = await cached(CACHE, (to) =>
      step('downloading MySQL 9 (about 60 MB, once)', () => unpack(apt, dpkg, to, limit)),
    );
    return { folder };
  } catch (error) {
    signal.throwIfAborted();
    const text = error instanceof Error ? error.message : String(error);
    return { why: `MySQL could not be downloaded: ${text.split('\n').at(-1) ?? ''}` };
  }
}

// apt with lists, status and cache of its own: it takes the machine for an empty one.
async function unpack(apt: string, dpkg: string, to: string, signal: AbortSignal): Promise<void> {
  const own = join(to, 'apt');
  for (const folder of ['state/lists/partial', 'cache/archives/partial'])
    mkdirSync(join(own, folder), { recursive: true });
  writeFileSync(join(own, 'status'), '');
  writeFileSync(join(own, 'sources.list'), `deb [signed-by=${KEYS}] ${MIRROR} sid main\n`);
  const settings = {
    'Dir::State': join(own, 'state'),
    'Dir::State::status': join(own, 'status'),
    'Dir::Cache': join(own, 'cache'),
    'Dir::Log': own,
    'Dir::Etc::SourceList': join(own, 'sources.list'),
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::Etc::Preferences': '/dev/null',
    'Dir::Etc::PreferencesParts': '/dev/null',
    'APT::Install-Recommends': 'false',
    'APT::Sandbox::User': '',
    'Acquire::Languages': 'none',
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled': 'false',
    'Debug::NoLocking': '1',
  };
  const options = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  const env = { ...process.env, LC_ALL: 'C.UTF-8', DEBIAN_FRONTEND: 'noninteractive' };
  await runTool(apt, ['-q', ...options, 'update'], { env, signal });
  const install = ['install', '-y', '--download-only', 'mysql-server-core'];
  await runTool(apt, ['-q', ...options, ...install], { env, signal });
  const archives = join(own, 'cache/archives');
  const packages = readdirSync(archives).filter((name) => name.endsWith('.deb'));
  for (const name of packages.filter((each) => !/^perl|^libperl/.test(each)))
    await runTool(dpkg, ['-x', join(archives, name), to], { env, signal });
  rmSync(own, { recursive: true });
  // Debian keeps the loader in usr/lib64 or usr/lib and leaves the links to another package.
  const loaders = ['usr/lib64', 'usr/lib', 'lib64', 'lib'].map((path) => join(to, path));
  const loader = loaders
    .flatMap((path) => (existsSync(path) ? readdirSync(path).map((name) => join(path, name)) : []))
    .find((path) => /\/ld-linux[^/]*\.so\.\d$/.test(path));
  if (loader === undefined) throw new Error('the packages brought no loader');
  copyFileSync(loader, join(to, 'loader'));
}
