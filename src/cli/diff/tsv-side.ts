import { createReadStream, createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { diffColumns } from '../../domain/diff.ts';
import type { DiffRow } from '../../domain/diff.ts';
import { dateMs } from '../../domain/java-fault.ts';
import { windowOf } from '../../domain/window.ts';
import type { WindowSpec } from '../../domain/window.ts';
import { AppError } from '../../platform/errors.ts';
import type { Span } from './generation-side.ts';
import { grouped } from './side.ts';
import type { Side } from './side.ts';
import { tableRow } from './table-side.ts';

/** Lines that are sorted in memory at once; more go through files. */
const chunkLines = 50_000;

/**
 * The rows of a tab-separated file with a head of column names, as `SELECT * FROM cloud_usage` through
 * `mariadb --batch` gives it, in any order: it is sorted through temporary files, so memory does not grow.
 */
export function tsvSide(
  file: string,
  options: { spec: WindowSpec; chunkLines?: number } & Span,
): Side {
  async function* read(): AsyncGenerator<DiffRow> {
    const folder = mkdtempSync(join(tmpdir(), 'usagestream-diff-'));
    try {
      const chunks = await sortChunks(file, options, folder);
      for await (const line of mergeFiles(chunks)) {
        const [window = '', , cells = ''] = split(line);
        yield tableRow(JSON.parse(cells) as Record<string, unknown>, Number(window));
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  return { name: file, isGeneration: false, isJava: true, groups: () => grouped(read()) };
}

/** `window \t account \t cells`, so padded that lines sort as groups do. */
const split = (line: string): string[] => line.split('\t');

async function sortChunks(
  file: string,
  options: { spec: WindowSpec; chunkLines?: number } & Span,
  folder: string,
): Promise<string[]> {
  const { spec, fromMs = -Infinity, untilMs = Infinity } = options;
  const files: string[] = [];
  let lines: string[] = [];
  let head: string[] | null = null;
  const spill = async () => {
    const path = join(folder, String(files.length));
    const out = createWriteStream(path);
    for (const line of lines.toSorted()) if (!out.write(`${line}\n`)) await once(out, 'drain');
    out.end();
    await once(out, 'close');
    files.push(path);
    lines = [];
  };
  for await (const line of createInterface({
    input: createReadStream(file),
    crlfDelay: Infinity,
  })) {
    if (line === '') continue;
    if (head === null) {
      head = checkHead(file, line.split('\t'));
      continue;
    }
    const values = line
      .split('\t')
      .map((cell) => (cell === 'NULL' || cell === '\\N' ? null : cell));
    const row = Object.fromEntries(head.map((name, at) => [name, values[at] ?? null]));
    const startMs = dateMs(row['start_date'] ?? null);
    if (startMs === null) throw new AppError('DIFF_INPUT', { file, line: line.slice(0, 100) });
    const window = windowOf(startMs, spec);
    if (window.startMs < fromMs || window.endMs > untilMs) continue;
    const account = String(row['account_id']).padStart(20, '0');
    lines.push(`${String(window.startMs).padStart(16, '0')}\t${account}\t${JSON.stringify(row)}`);
    if (lines.length >= (options.chunkLines ?? chunkLines)) await spill();
  }
  await spill();
  return files;
}

function checkHead(file: string, head: string[]): string[] {
  const missing = ['account_id', 'usage_type', ...diffColumns].filter(
    (name) => !head.includes(name),
  );
  if (missing.length > 0) throw new AppError('DIFF_INPUT', { file, missingColumns: missing });
  return head;
}

async function* mergeFiles(files: readonly string[]): AsyncGenerator<string> {
  const readers = files.map((file) =>
    createInterface({ input: createReadStream(file), crlfDelay: Infinity })[Symbol.asyncIterator](),
  );
  const heads = await Promise.all(readers.map((reader) => reader.next()));
  for (;;) {
    let least = -1;
    for (const [at, head] of heads.entries()) {
      if (head.done === true) continue;
      const best = heads[least];
      if (best === undefined || best.done === true || head.value < best.value) least = at;
    }
    const head = heads[least];
    const reader = readers[least];
    if (head === undefined || head.done === true || reader === undefined) return;
    yield head.value;
    heads[least] = await reader.next();
  }
}
