import { expect, test } from 'vitest';
import type { FoldEvent } from '../../../src/contracts/fold.ts';
import { u64 } from '../../../src/contracts/ids.ts';
import type { EventId, ZoneId } from '../../../src/contracts/ids.ts';
import { ServerWindows } from '../../golden/server-windows.ts';
import { LateResources } from '../../golden/late-resources.ts';
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

const windows = new ServerWindows({ fromMs: 0, toMs: 24 * hour, rangeMs: hour });
const late = { ...event('LB.CREATE', 3, hour), commitMs: 2 * hour + delay };

test.each([
  { why: 'a late event', events: [late], row: line(11, 7, 1), found: true },
  { why: 'one in time', events: [event('LB.CREATE', 3, hour)], row: line(11, 7, 1), found: false },
  {
    why: 'one that commits in the last moment',
    events: [{ ...late, commitMs: 2 * hour + delay - 1 }],
    row: line(11, 7, 1),
    found: false,
  },
  { why: 'a window before the late event', events: [late], row: line(11, 7, 0), found: false },
  { why: 'another resource than the late one', events: [late], row: line(11, 8, 1), found: false },
  { why: 'another type than the late one', events: [late], row: line(12, 7, 1), found: false },
])('$why: $found', ({ events, row, found }) => {
  const resources = new LateResources(events, { windows, delayMs: delay });
  expect(resources.has(row)).toBe(found);
});
