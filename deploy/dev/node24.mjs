// Brings Node 24 where the machine's Node is older. Plain JavaScript for Node >= 18.
import { existsSync, mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, delimiter, dirname, join, resolve } from 'node:path';
import { findOnPath, run } from './processes.mjs';
import { step } from './progress.mjs';
import { removeStale } from './stale.mjs';

const MAJOR = 24;

/** @returns the folder, outside the clone, where downloads are kept between runs and clones. */
export function cacheFolder() {
  const { USAGESTREAM_CACHE, XDG_CACHE_HOME } = process.env;
  if (USAGESTREAM_CACHE) return resolve(USAGESTREAM_CACHE);
  return join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'usagestream');
}

/** @returns the path of a Node >= 24: ours if it is new enough, else one from the npm registry. */
export async function findNode24() {
  if (Number(process.versions.node.split('.')[0]) >= MAJOR) return process.execPath;
  const cache = cacheFolder();
  const home = join(cache, `node-${MAJOR}-${process.platform}-${process.arch}`);
  const node = join(home, 'node_modules', '.bin', 'node');
  if (!existsSync(node)) {
    await step(`Node ${process.versions.node} is too old: installing Node ${MAJOR}`, () =>
      installNode(cache, home),
    );
  }
  return node;
}

/** @returns the environment in which `node` and npm's scripts mean the given Node. */
export function nodeEnvironment(node) {
  const env = { ...process.env, USAGESTREAM_CACHE: cacheFolder() };
  env.PATH = [dirname(node), env.PATH].join(delimiter);
  // kafkajs 2.2.4 computes a time limit below zero now and then; Node 24 grumbles and takes 1 ms.
  const quiet = '--disable-warning=TimeoutNegativeWarning';
  if (!env.NODE_OPTIONS?.includes(quiet)) env.NODE_OPTIONS = `${env.NODE_OPTIONS ?? ''} ${quiet}`;
  return env;
}

/** @returns how to run npm by the given Node: the one that started us, else the one on PATH. */
export function npmCommand(node) {
  const found = process.env.npm_execpath ?? findOnPath('npm');
  if (!found) throw new Error('npm was not found on PATH: install npm, then run this again');
  const script = realpathSync(found);
  // yarn and pnpm set npm_execpath too, and know nothing of our lockfile.
  if (basename(script) === 'npm-cli.js') return { file: node, args: [script] };
  return { file: findOnPath('npm') ?? 'npm', args: [] };
}

// An interrupt must leave no half-filled cache: it is filled beside and takes its name at the end.
async function installNode(cache, home) {
  mkdirSync(cache, { recursive: true });
  removeStale(cache, 'node-tmp-');
  const temporary = mkdtempSync(join(cache, `node-tmp-${process.pid}-`));
  try {
    const { file, args } = npmCommand(process.execPath);
    const install = ['install', '--prefix', temporary, '--no-save', `node@${MAJOR}`];
    // The package fetches the binary for this machine in its install script.
    const flags = ['--ignore-scripts=false', '--engine-strict=false', '--global=false'];
    const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
    const code = await run(file, [...args, ...install, ...flags, ...quiet], {
      group: true,
      cwd: temporary,
      stdio: ['ignore', 2, 2],
    });
    if (code !== 0) throw new Error(`npm could not install node@${MAJOR} (exit code ${code})`);
    if (!existsSync(join(temporary, 'node_modules', '.bin', 'node'))) {
      throw new Error(`the npm package node@${MAJOR} brought no program for this machine`);
    }
    moveInto(temporary, home);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function moveInto(temporary, home) {
  try {
    renameSync(temporary, home);
  } catch (error) {
    // Another run finished first: its copy is as good as ours.
    if (!existsSync(home)) throw error;
  }
}
