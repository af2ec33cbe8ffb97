import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadSettings } from '../../../src/cli/load-settings.ts';
import { realOverrides } from '../../../src/domain/quirks.ts';
import { isAppError } from '../../../src/platform/errors.ts';
import { scratchFolder } from '../../support/scratch-folder.ts';

const load = (flags: readonly string[] | undefined, environment?: string, file?: string) =>
  loadSettings(['quirks'], {
    flags: flags === undefined ? {} : { quirk: flags },
    env: environment === undefined ? {} : { USAGESTREAM_QUIRKS: environment },
    file,
  }).quirks;

const both = { domainFrozen: true, duplicateOpens: false };

test('switches of quirks come from flags, the environment and YAML', () => {
  expect(load(['domainFrozen=on', 'duplicateOpens=off'])).toEqual(both);
  expect(load(undefined, ' domainFrozen = on, duplicateOpens=off ')).toEqual(both);
  using folder = scratchFolder();
  const file = join(folder.path, 'usagestream.yaml');
  writeFileSync(file, 'quirks:\n  domainFrozen: on\n  duplicateOpens: false\n');
  expect(load(undefined, undefined, file)).toEqual(both);
  expect(load(['domainFrozen=off'], 'duplicateOpens=on', file)).toEqual({ domainFrozen: false });
  expect(load(undefined)).toEqual({});
});

test('every wrong switch is named at once', () => {
  const wrong = ['nonsense=on', 'domainFrozen=maybe', 'duplicateOpens=on,duplicateOpens=off', 'x'];
  try {
    load(wrong);
    expect.unreachable();
  } catch (fault) {
    if (!isAppError(fault, 'CONFIG_INVALID')) throw fault;
    expect(fault.facts['problems']).toEqual([
      '--quirk: no quirk is called nonsense; `usagestream quirks` has all; domainFrozen must be on or off; ' +
        'duplicateOpens is given both on and off; no quirk is called x; `usagestream quirks` has all',
    ]);
  }
});

test('a switch that says what the preset has already is no difference', () => {
  expect(realOverrides('correct', both)).toEqual({ domainFrozen: true });
  expect(realOverrides('java-4.23', both)).toEqual({ duplicateOpens: false });
});
