import { readFile } from 'node:fs/promises';
import type { WindowSpec } from '../../src/domain/window.ts';
import type { Golden } from '../support/golden.ts';
import { usageColumns } from '../support/published-lines.ts';
import { playSqlScript } from '../support/sql-script.ts';
import { readRuns } from './java-schedule.ts';
import type { JavaRun } from './java-schedule.ts';
import { readRunJson } from './run-json.ts';
import { windowsOfRun } from './window-zone.ts';

/** A folder cannot be run: the message says what of it is missing or wrong. */
export class BadFolder extends Error {}

/** @throws BadFolder */
export async function readGoldenFolder(where: URL): Promise<Golden> {
  const name = where.pathname.split('/').findLast((part) => part !== '') ?? '';
  const files = await Promise.all(
    ['run.json', 'input.sql', 'cloud_usage.tsv'].map(
      async (file) => [file, await textOf(where, file)] as const,
    ),
  );
  return told(() => goldenOf(name, new Map(files)));
}

/** A golden folder from the texts of its files. @throws Error saying what is wrong */
export function goldenOf(name: string, files: ReadonlyMap<string, string>): Golden {
  const read = (file: string): string => withoutReturns(files.get(file) ?? '');
  const inputSql = read('input.sql');
  return {
    name,
    ...readRunJson(read('run.json')),
    inputSql,
    changes: playSqlScript(inputSql),
    usage: usageLines(read('cloud_usage.tsv')),
  };
}

/** The server's runs, when the folder tells them. @throws BadFolder */
export async function readFolderRuns(where: URL): Promise<JavaRun[] | undefined> {
  const text = await readFile(new URL('windows.tsv', where), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : told(() => readRuns(withoutReturns(text)));
}

/** How our windows are cut where those of the server are. @throws BadFolder */
export const cutOf = (golden: Golden): WindowSpec => told(() => windowsOfRun(golden));

async function textOf(where: URL, file: string): Promise<string> {
  try {
    return await readFile(new URL(file, where), 'utf8');
  } catch (cause) {
    throw new BadFolder(
      `${file} cannot be read: a golden folder has run.json, input.sql and cloud_usage.tsv, and windows.tsv when the runs were not on time`,
      { cause },
    );
  }
}

/** Lines of a file that went through another system end as ours do. */
const withoutReturns = (text: string): string => text.replaceAll('\r\n', '\n');

function told<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new BadFolder(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** Lines without the header, in the order of the columns that all folders have; an id is left out. */
function usageLines(text: string): string[] {
  const [header = '', ...lines] = text.replace(/\n$/, '').split('\n');
  const columns = header.split('\t');
  const missing = usageColumns.filter((column) => !columns.includes(column));
  if (missing.length > 0)
    throw new Error(`cloud_usage.tsv: the header does not name ${missing.join(', ')}`);
  const places = usageColumns.map((column) => columns.indexOf(column));
  const isUsual = header === usageColumns.join('\t');
  return lines.map((line, at) => {
    const cells = line.split('\t');
    if (cells.length !== columns.length)
      throw new Error(
        `cloud_usage.tsv: line ${at + 2} has ${cells.length} columns, the header ${columns.length}`,
      );
    return isUsual ? line : places.map((place) => cells[place]).join('\t');
  });
}
