import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { beforeAll, afterAll, expect, test } from 'vitest';
import { makeFolder, writeFolder } from '../golden/made-folder.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

const command = fileURLToPath(new URL('../golden/main.ts', import.meta.url));
const folder = scratchFolder();
const inside = (name: string) => pathToFileURL(`${folder.path}/${name}/`);

/** Runs the command; lines of its output. */
function golden(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, ...args], {
    encoding: 'utf8',
    cwd: folder.path,
  });
  return { status, lines: stdout.split('\n'), stderr };
}

const made = {
  ...{ seed: 5, fromMs: Date.UTC(2026, 5, 8), rangeMinutes: 60, windows: 12, runDelayMinutes: 15 },
  ...{ accounts: 4, vms: 14, lateShare: 0.05, tieShare: 0.1 },
};

beforeAll(() => writeFolder(inside('hourly'), makeFolder(made)));
afterAll(() => folder[Symbol.dispose]());

test('equal options make equal folders', async () => {
  for (const [name, text] of makeFolder(made))
    expect(await readFile(new URL(name, inside('hourly')), 'utf8')).toBe(text);
});

test(
  'late events, disordered commits and ties of an hourly cloud are all of a class: exit code 0',
  { timeout: 120_000 },
  () => {
    const { status, lines } = golden('hourly');
    const printed = Map.groupBy(
      lines.flatMap((line) => /^([\w-]+)\tonly /.exec(line)?.[1] ?? []),
      (name) => name,
    );
    expect([...printed.keys()].toSorted()).toEqual([
      'duplicate',
      'late-event',
      'late-id',
      'pull-back',
      'tie',
    ]);
    const counted = lines.flatMap((line) => /^ {2}(\d+ [\w-]+): /.exec(line)?.[1] ?? []);
    const expected = [...printed].map(([name, { length }]) => `${length} ${name}`);
    expect(counted.toSorted()).toEqual(expected.toSorted());
    expect(status).toBe(0);
  },
);

test(
  'a row that was tampered with is a real difference: exit code 1',
  { timeout: 120_000 },
  async () => {
    const files = makeFolder(made);
    const [header = '', ...rows] = files.get('cloud_usage.tsv')?.split('\n') ?? [];
    const at = rows.findIndex((row) => row.includes('running time'));
    const cells = rows[at]?.split('\t') ?? [];
    const tampered = cells.with(6, '0.125').join('\t');
    await writeFolder(inside('tampered'), files);
    const table = [header, ...rows.with(at, tampered)].join('\n');
    await writeFile(new URL('cloud_usage.tsv', inside('tampered')), table);
    const { status, lines } = golden('tampered');
    expect(lines).toContain(`UNEXPLAINED\tonly the server\t${tampered}`);
    expect(lines.some((line) => /^tampered: .* NOT ALL EXPLAINED;/.test(line))).toBe(true);
    expect(status).toBe(1);
  },
);

test('what cannot be run says why: exit code 2', { timeout: 60_000 }, async () => {
  expect(golden()).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('no folder is given'),
  });
  expect(golden('--rows', '3').status).toBe(2);
  expect(golden('--make', 'x', '--vms', 'many')).toMatchObject({
    status: 2,
    stderr: '--vms: many\n',
  });
  const files = makeFolder({ ...made, windows: 1, vms: 1 });
  const run = JSON.stringify({
    ...JSON.parse(files.get('run.json') ?? ''),
    to: '2026-06-08 00:30:00',
  });
  await writeFolder(inside('bent'), new Map([...files, ['run.json', run]]));
  const { status, stderr } = golden('nowhere', 'bent');
  expect(stderr).toMatch(/^nowhere: run\.json cannot be read: a golden folder has/m);
  expect(stderr).toMatch(/^bent: run\.json: from `from` to `to` must be whole windows/m);
  expect(status).toBe(2);
  expect(golden('--help').status).toBe(0);
});
