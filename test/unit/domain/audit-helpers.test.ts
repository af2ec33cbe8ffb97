import { expect, test } from 'vitest';
import { u64 } from '../../../src/contracts/ids.ts';
import { compareHelpers } from '../../../src/domain/audit-helpers.ts';
import type { StoredHelper, WantedHelper } from '../../../src/domain/audit-helpers.ts';

const t1 = '2026-05-01 01:00:00';
const t2 = '2026-05-02 01:00:00';
/** zone, domain, volume, disk offering, template, size, created, deleted, vm */
const volume = (
  id: string,
  deleted: string | null = null,
  vm: string | null = null,
  created = t1,
) => [...['1', '2', id, '32', null, '1024', created, deleted, vm]];
const wanted = (cells: WantedHelper['cells'], event = 8): WantedHelper => ({
  ...{ eventId: u64(event), cells },
});
const stored = (id: number, cells: StoredHelper['cells']): StoredHelper => ({ id: u64(id), cells });
const narrow = [{ name: 'id', columns: ['volume_id', 'created'] }];
const wide = [{ name: 'id', columns: ['volume_id', 'created', 'vm_id'] }];

test.each([
  {
    why: 'equal rows are right, whatever their domain',
    wanted: [wanted(volume('9'))],
    stored: [stored(4, volume('9').with(1, '77'))],
    found: [],
  },
  {
    why: 'an open row whose end was seen has lost its close',
    wanted: [wanted(volume('9', t2))],
    stored: [stored(4, volume('9'))],
    found: ['lost-close'],
  },
  {
    why: 'a row that ended although it is open says otherwise than its events',
    wanted: [wanted(volume('9'))],
    stored: [stored(4, volume('9', t2))],
    found: ['helper-differs'],
  },
  {
    why: 'an opening event without a row is lost',
    wanted: [wanted(volume('9')), wanted(volume('10'))],
    stored: [stored(4, volume('10'))],
    found: ['lost-open'],
  },
  {
    why: 'a row that no event of its resource makes is surplus',
    wanted: [wanted(volume('9'))],
    stored: [stored(4, volume('9')), stored(5, volume('9', null, null, t2))],
    found: ['helper-surplus'],
  },
  {
    why: 'a row of a resource without any event is left alone',
    wanted: [],
    stored: [stored(5, volume('11'))],
    found: ['helper-unfounded'],
  },
  {
    why: 'what a unique key cannot hold is not lost',
    wanted: [wanted(volume('9')), wanted(volume('9', null, '101'))],
    stored: [stored(4, volume('9'))],
    found: ['unstorable'],
  },
  {
    why: 'a key over a NULL holds both',
    wanted: [wanted(volume('9')), wanted(volume('9', null, '101'))],
    stored: [stored(4, volume('9'))],
    keys: wide,
    found: ['lost-open'],
  },
])('$why', ({ wanted: all, stored: rows, keys = narrow, found }) => {
  expect(compareHelpers('volume', all, rows, keys).map(({ kind }) => kind)).toEqual(found);
});

test("a character beyond the table's is why a row is not stored; a VPN user's end is only an end", () => {
  const vm = ['1', '2', '101', 'web 🙂', '21', '5', 'KVM', t1, null, null, null, null];
  const [finding] = compareHelpers('vm', [wanted(vm)], [], []);
  expect(finding).toMatchObject({
    kind: 'unstorable',
    why: 'vm_name has a character that utf8mb3 does not have',
  });
  const user = (deleted: string | null) => ['0', '2', '7', 'ann', t1, deleted];
  expect(compareHelpers('vpnUser', [wanted(user(t2))], [stored(1, user(t1))], [])).toEqual([]);
  expect(compareHelpers('vpnUser', [wanted(user(t2))], [stored(1, user(null))], [])).toMatchObject([
    { kind: 'lost-close' },
  ]);
});

test('the end of a VM snapshot on primary storage without bytes is only an end', () => {
  const kept = (size: string, deleted: string | null) => [
    ...['1', '2', '7', '7', 'nightly', '0', size, '2048', t1, deleted, '601'],
  ];
  const found = (size: string, deleted: string | null) =>
    compareHelpers(
      'snapshotOnPrimary',
      [wanted(kept(size, t2))],
      [stored(1, kept(size, deleted))],
      [],
    ).map(({ kind }) => kind);
  expect([found('0', t1), found('0', null)]).toEqual([[], ['lost-close']]);
  expect([found('9', t2), found('9', t1)]).toEqual([[], ['helper-differs']]);
});
