import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadSettings } from '../../../src/cli/load-settings.ts';
import type { SettingSources } from '../../../src/cli/load-settings.ts';
import type { SettingKey } from '../../../src/cli/settings.ts';
import { isAppError } from '../../../src/platform/errors.ts';
import { scratchFolder } from '../../support/scratch-folder.ts';

const none: SettingSources = { flags: {}, env: {}, file: undefined };

/** Loads with a YAML file of this text. */
function load<K extends SettingKey>(
  keys: readonly K[],
  { yaml, ...sources }: Partial<SettingSources> & { yaml?: string },
) {
  using folder = scratchFolder();
  const file = join(folder.path, 'usagestream.yaml');
  if (yaml !== undefined) writeFileSync(file, yaml);
  return loadSettings(keys, { ...none, ...sources, file: yaml === undefined ? undefined : file });
}

/** The problems that loading ends with; the whole message is in `text`. */
function faultsOf(act: () => unknown): { problems: readonly string[]; text: string } {
  try {
    act();
  } catch (fault) {
    if (!isAppError(fault, 'CONFIG_INVALID')) throw fault;
    return { problems: fault.facts['problems'] as string[], text: fault.explain() };
  }
  throw new Error('nothing was refused');
}

describe('a setting comes from', () => {
  const flags = { prefix: 'flag' };
  const env = { USAGESTREAM_PREFIX: 'env' };
  const yaml = 'prefix: yaml';
  test.each([
    { from: 'the flag before all', sources: { flags, env, yaml }, prefix: 'flag' },
    { from: 'the environment before the file', sources: { env, yaml }, prefix: 'env' },
    { from: 'the file before the default', sources: { yaml }, prefix: 'yaml' },
    { from: 'the default at last', sources: {}, prefix: 'acs' },
    { from: 'the default when the file is empty', sources: { yaml: '' }, prefix: 'acs' },
  ])('$from', ({ sources, prefix }) => {
    expect(load(['prefix'], sources)).toEqual({ prefix });
  });
});

test('values have their types, whether text or YAML', () => {
  const keys = ['range', 'closeDelay', 'raw', 'until', 'partitions'] as const;
  const typed = {
    range: 60,
    closeDelay: 90_000,
    raw: false,
    until: Date.UTC(2026, 2, 4),
    partitions: 3,
  };
  const yaml =
    'range: 60\nclose-delay: 90s\nraw: off\nuntil: 2026-03-04T00:00:00Z\npartitions: 3\n';
  expect(load(keys, { yaml })).toEqual(typed);
  const flags = {
    range: '60',
    closeDelay: '90s',
    raw: 'off',
    until: '2026-03-04T00:00:00',
    partitions: '3',
  };
  expect(load(keys, { flags })).toEqual(typed);
});

describe('a secret', () => {
  test('comes from the environment or the file of settings', () => {
    const env = { USAGESTREAM_SINK_PASSWORD: 'hunter2' };
    expect(load(['sinkPassword'], { env })).toEqual({ sinkPassword: 'hunter2' });
    const yaml = "sink-password: 'hunter2'";
    expect(load(['sinkPassword'], { yaml })).toEqual({ sinkPassword: 'hunter2' });
  });

  test.each(['hunter2', 'hunter2\n', 'hunter2\r\n'])(
    'comes from a file of its own, without the line end: %j',
    (content) => {
      using folder = scratchFolder();
      const path = join(folder.path, 'password');
      writeFileSync(path, content);
      const expected = { sinkPassword: 'hunter2' };
      expect(load(['sinkPassword'], { flags: { sinkPasswordFile: path } })).toEqual(expected);
      const env = { USAGESTREAM_SINK_PASSWORD_FILE: path };
      expect(load(['sinkPassword'], { env })).toEqual(expected);
      const yaml = `sink-password-file: ${path}`;
      expect(load(['sinkPassword'], { yaml })).toEqual(expected);
    },
  );

  test('whose file is not there is a fault', () => {
    const flags = { sinkPasswordFile: '/nowhere/password' };
    const { problems } = faultsOf(() => load(['sinkPassword'], { flags }));
    expect(problems).toEqual([expect.stringMatching(/^sink-password-file: ENOENT/)]);
  });
});

test('every fault is listed at once, with the setting it is about', () => {
  const keys = ['source', 'sink', 'log', 'range', 'preset', 'closeDelay', 'until'] as const;
  const { problems } = faultsOf(() =>
    load(keys, {
      flags: { sink: 'http://db', range: '0', until: 'soon' },
      env: { USAGESTREAM_PRESET: 'java', USAGESTREAM_LOG: 'k1' },
      yaml: 'close-delay: ages\nclose_delay: 1m\nrnage: 5\n',
    }),
  );
  expect(problems.map((problem) => problem.replace(/^.*usagestream\.yaml/, 'FILE'))).toEqual([
    'FILE: unknown setting close_delay',
    'FILE: unknown setting rnage',
    expect.stringMatching(/^--source \(or USAGESTREAM_SOURCE\) is needed: /),
    expect.stringMatching(/^--sink: a database address is written mysql:/),
    expect.stringMatching(/^--log: write kafka:/),
    expect.stringMatching(/^--range: /),
    expect.stringMatching(/^--preset: /),
    '--close-delay: not a duration: write 90s, 15m, 1h or 500ms',
    '--until: not a time: write 2026-03-04T00:00:00Z',
  ]);
});

test.each([
  { why: 'a file that is not there', file: '/nowhere/usagestream.yaml', says: /ENOENT/ },
  { why: 'a folder', file: '/', says: /EISDIR/ },
])('$why is a fault', ({ file, says }) => {
  const { problems } = faultsOf(() => loadSettings(['prefix'], { ...none, file }));
  expect(problems).toEqual([expect.stringMatching(says)]);
});

test.each(['- prefix', 'prefix', '3'])('YAML that is no map is a fault: %s', (yaml) => {
  const { problems } = faultsOf(() => load(['prefix'], { yaml }));
  expect(problems).toEqual([expect.stringMatching(/not a map of settings$/)]);
});

describe('a fault never repeats a password', () => {
  const keys = ['source', 'sourcePassword', 'log', 'logPassword'] as const;
  test.each([
    { yaml: 'source-password: "hunter2', why: 'a quote that is not closed' },
    { yaml: 'source-password: *hunter2', why: 'an alias' },
    { yaml: 'source-password: !hunter2', why: 'a tag' },
    { yaml: 'source-password: @hunter2', why: 'a reserved character' },
    { yaml: 'source-password: a: hunter2', why: 'a colon' },
    { yaml: 'source-password: x\nsource-password: hunter2', why: 'a key that is there twice' },
    { yaml: 'source-password: [hunter2]', why: 'a list' },
    { yaml: 'source: mysql://root:hunter2%@db', why: 'an address that cannot be read' },
    { yaml: 'source: "root:hunter2@db"', why: 'an address without its scheme' },
    { yaml: 'log: kafka://acs:hunter2@k:9092', why: 'a password in the address of the log' },
  ])('$why', ({ yaml }) => {
    const { problems, text } = faultsOf(() => load(keys, { yaml }));
    expect(problems.length).toBeGreaterThan(0);
    expect(text).not.toContain('hunter2');
  });

  test('a file that is no YAML tells the line', () => {
    const { problems } = faultsOf(() => load(['prefix'], { yaml: 'prefix: x\nrange: "5\n' }));
    expect(problems[0]).toMatch(/usagestream\.yaml, line \d+: not YAML \(MISSING_CHAR\)/);
  });
});
