import { readFile, writeFile } from 'node:fs/promises';
import { sqlDateTime } from '../../src/contracts/time.ts';
import { sqlMs } from './sql-script.ts';

const dateTime = /\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\b/g;

/**
 * Writes a golden folder as a server in another place would have had it: all times that much later.
 * @param into An existing folder, as a URL that ends in a slash.
 */
export async function shiftGolden(from: URL, into: URL, byMinutes: number): Promise<void> {
  const later = (text: string): string =>
    text
      .replaceAll(dateTime, (one) => sqlDateTime((sqlMs(one) ?? 0) + byMinutes * 60_000))
      .replaceAll(
        /SET TIMESTAMP=(\d+)/g,
        (_, s: string) => `SET TIMESTAMP=${Number(s) + byMinutes * 60}`,
      );
  for (const file of ['run.json', 'input.sql', 'cloud_usage.tsv', 'windows.tsv'])
    await writeFile(new URL(file, into), later(await readFile(new URL(file, from), 'utf8')));
}
