import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import nodeFlags from '../../src/cli/node-flags.json' with { type: 'json' };

/** What one process used for one piece of work. */
export interface Measured {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly peakMb: number;
  /** What the process printed on stdout. */
  readonly output: string;
}

const preload = fileURLToPath(new URL('usage-at-exit.ts', import.meta.url));

/** Runs a script in a process of its own and measures it from the first to the last instruction. */
export async function measure(
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'usagestream-bench-'));
  const usage = join(folder, 'usage.json');
  const started = performance.now();
  const child = spawn(process.execPath, [...nodeFlags, '--import', preload, script, ...args], {
    env: { ...process.env, ...env, USAGESTREAM_BENCH_USAGE: usage },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  const wallMs = performance.now() - started;
  try {
    if (code !== 0)
      throw new Error(
        `${script} ${args.join(' ')} ended with ${code}: ${Buffer.concat(err).toString().slice(-2000)}`,
      );
    const used = JSON.parse(readFileSync(usage, 'utf8')) as { cpuUs: number; maxRssKb: number };
    return {
      wallMs,
      cpuMs: used.cpuUs / 1000,
      peakMb: used.maxRssKb / 1024,
      output: Buffer.concat(out).toString(),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
