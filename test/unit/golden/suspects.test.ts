import { expect, test } from 'vitest';
import type { FoldEvent } from '../../../src/contracts/fold.ts';
import { u64 } from '../../../src/contracts/ids.ts';
import type { EventId, ZoneId } from '../../../src/contracts/ids.ts';
import { Suspects } from '../../golden/suspects.ts';
import { accountId } from '../../support/golden.ts';

const hour = 3_600_000;
const delay = 900_000;
let serial = 0;

const event = (type: string, account: number, atMs: number, more: Partial<FoldEvent> = {}) => ({
  event: {
    id: u64<EventId>(String(++serial)),
    type,
    accountId: accountId(account),
    createdMs: atMs,
    zoneId: u64<ZoneId>('1'),
    resourceId: u64('7'),
    resourceName: 'x',
    offeringId: u64('5'),
    templateId: null,
    size: u64('1'),
    resourceType: null,
    virtualSize: null,
    vmId: null,
    feedOffset: serial,
    details: [],
    ...more,
  } satisfies FoldEvent,
  commitMs: atMs,
});

const line = (usageType: number, id: number, atHour: number): string => {
  const cells = Array.from({ length: 24 }, () => 'NULL');
  cells[1] = '3';
  cells[5] = String(usageType);
  cells[7] = cells[11] = String(id);
  cells[15] = `1970-01-01 0${atHour}:00:00`;
  return cells.join('\t');
};

const late = { ...event('LB.CREATE', 3, hour), commitMs: 2 * hour + delay };

test.each([
  { why: 'a late event', events: [late], row: line(11, 7, 1), found: 'late-event' },
  { why: 'one in time', events: [event('LB.CREATE', 3, hour)], row: line(11, 7, 1), found: null },
  {
    why: 'one that commits in the last moment',
    events: [{ ...late, commitMs: 2 * hour + delay - 1 }],
    row: line(11, 7, 1),
    found: null,
  },
  { why: 'a window before the late event', events: [late], row: line(11, 7, 0), found: null },
  { why: 'another resource than the late one', events: [late], row: line(11, 8, 1), found: null },
  { why: 'another type than the late one', events: [late], row: line(12, 7, 1), found: null },
  {
    why: 'a VM that starts while it runs in another account',
    events: [event('VM.START', 3, hour), event('VM.START', 4, hour)],
    row: line(1, 7, 1),
    found: 'cross-account',
  },
  {
    why: 'a VM that was moved to another account in order',
    events: [
      event('VM.CREATE', 3, hour),
      event('VM.DESTROY', 3, hour + 1000),
      event('VM.CREATE', 4, hour + 2000),
    ],
    row: line(2, 7, 1),
    found: null,
  },
  {
    why: 'a metric of a backup that is open twice',
    events: [
      event('BACKUP.OFFERING.ASSIGN', 3, hour),
      event('BACKUP.OFFERING.ASSIGN', 3, hour + 1000),
      event('BACKUP.USAGE.METRIC', 3, hour + 2000),
    ],
    row: line(28, 7, 1),
    found: 'random-row',
  },
  {
    why: 'a metric of a backup that is open once',
    events: [
      event('BACKUP.OFFERING.ASSIGN', 3, hour),
      event('BACKUP.OFFERING.BACKUPS.DEL', 3, hour + 1000),
      event('BACKUP.OFFERING.ASSIGN', 3, hour + 2000),
      event('BACKUP.USAGE.METRIC', 3, hour + 3000),
    ],
    row: line(28, 7, 1),
    found: null,
  },
  {
    why: 'a detail that occurs twice',
    events: [
      event('VM.START', 3, hour, {
        details: [
          { name: 'memory', value: '1' },
          { name: 'memory', value: '2' },
        ],
      }),
    ],
    row: line(1, 7, 1),
    found: 'random-row',
  },
])('$why: $found', ({ events, row, found }) => {
  const suspects = new Suspects(events, { fromMs: 0, rangeMs: hour, delayMs: delay });
  expect(suspects.classOf(row)).toBe(found);
});
