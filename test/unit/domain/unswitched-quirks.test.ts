import { expect, test } from 'vitest';
import type { Counter } from '../../../src/contracts/feed-record.ts';
import { u64 } from '../../../src/contracts/ids.ts';
import type { ZoneId } from '../../../src/contracts/ids.ts';
import { presets, quirks } from '../../../src/domain/quirks.ts';
import { unswitchedQuirks } from '../../../src/domain/unswitched-quirks.ts';
import { account, billed, dayMs, hour, play } from '../../support/fold-story.ts';
import { sources } from '../../support/sources.ts';
import { titlesOf } from '../../support/test-titles.ts';

const titles = new Map(
  sources('test/**/*.test.ts').map(({ path, text }) => [path, titlesOf(text)]),
);
const entries = Object.entries(unswitchedQuirks);

test.each(entries)('%s is held by a test that exists', (_, { test: named }) => {
  const [path = '', title = ''] = named.split(/: (.*)/);
  expect(titles.get(path) ?? []).toContain(title);
});

test.each(entries)('%s says what CloudStack does, what is right and why', (_, quirk) => {
  const { java, correct, reason } = quirk;
  for (const text of [java, correct, reason]) expect(text).toMatch(/\w\)?$/);
  expect(correct).not.toBe(java);
  expect([[], presets]).toContainEqual(quirk.presets);
});

test('no name is in both tables, however it is written', () => {
  const names = [...Object.keys(quirks), ...Object.keys(unswitchedQuirks)];
  const plain = names.map((name) => name.replaceAll('-', '').toLowerCase());
  expect(new Set(plain).size).toBe(names.length);
});

test('an event half a minute before a window is billed in its own window', () => {
  const early = dayMs - 30_000;
  for (const preset of presets) {
    const outputs = play({ preset, lines: [['LB.CREATE', early, { id: 501 }]], days: 2 });
    expect(billed(outputs)).toEqual([[`11:501 ${dayMs - early}`], [`11:501 ${dayMs}`]]);
    const late = play({
      ...{ preset, lines: [['LB.CREATE', early, { id: 501 }]], days: 2 },
      arrives: { 0: 1 },
    });
    expect(billed(late)).toEqual([[], [`11:501 ${dayMs}`]]);
  }
});

const disk = (id: number): Counter => ({
  ...{ table: 'vm_disk_statistics', id: u64(id), accountId: account, zoneId: u64<ZoneId>(1) },
  ...{ vmId: u64(id), volumeId: u64(id), netIoRead: u64(0), netIoWrite: u64(0) },
  ...{ currentIoRead: u64(0), currentIoWrite: u64(0), aggIoRead: u64(4), aggIoWrite: u64(0) },
  ...{ netBytesRead: u64(0), netBytesWrite: u64(0), currentBytesRead: u64(0) },
  ...{ currentBytesWrite: u64(0), aggBytesRead: u64(0), aggBytesWrite: u64(0) },
});

test('every disk is billed, also beyond the first 500', () => {
  const counters = [Array.from({ length: 501 }, (_, n) => disk(n + 1))];
  for (const preset of presets) {
    const reads = billed(play({ preset, lines: [], counters }))[0]?.filter((row) =>
      row.startsWith('21:'),
    );
    expect(reads?.length).toBe(501);
    expect(reads).toContain('21:501 4');
  }
});

test('a row of a VM snapshot has the ids of the snapshot and of the VM', () => {
  const details = [['vmSnapshotId', '601']] as const;
  const taken = { id: 7, name: 'nightly', offering: 31, template: 9, size: 1024, details };
  for (const preset of presets) {
    const [output] = play({ preset, lines: [['VMSNAPSHOT.CREATE', hour, taken]] });
    expect(output?.rows).toMatchObject([{ usageType: 25, usageId: '601', vmInstanceId: '7' }]);
  }
});
