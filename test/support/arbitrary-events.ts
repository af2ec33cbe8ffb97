import fc from 'fast-check';
import { u64 } from '../../src/contracts/ids.ts';
import type { EventId } from '../../src/contracts/ids.ts';
import type { FoldEvent } from '../../src/contracts/fold.ts';
import { eventsOf } from './fold-story.ts';
import type { Columns, Line } from './fold-story.ts';

const shapes: Readonly<Record<string, (pick: Picked) => Columns>> = {
  'VM.CREATE': vmColumns,
  'VM.START': vmColumns,
  'VM.STOP': ({ id }) => ({ id }),
  'VM.DESTROY': ({ id }) => ({ id }),
  'VM.UPGRADE': vmColumns,
  'VM.DYNAMIC.SCALE': vmColumns,
  'NET.IPASSIGN': ({ id, other }) => ({ id, name: `10.0.0.${id}`, size: other }),
  'NET.IPRELEASE': ({ id }) => ({ id, name: `10.0.0.${id}` }),
  'VOLUME.CREATE': volumeColumns,
  'VOLUME.RESIZE': volumeColumns,
  'VOLUME.ATTACH': ({ id, other, size }) => ({ id, offering: 31, size, vm: other + 1 }),
  'VOLUME.DETACH': ({ id }) => ({ id }),
  'VOLUME.DELETE': ({ id }) => ({ id }),
  'VOLUME.UPLOAD': volumeColumns,
  'TEMPLATE.CREATE': ({ id, size, zone }) => ({ id, size, zone }),
  'TEMPLATE.DELETE': ({ id, zone }) => ({ id, zone }),
  'SNAPSHOT.CREATE': ({ id, size, zone }) => ({ id, size, zone }),
  'SNAPSHOT.DELETE': ({ id }) => ({ id }),
  'LB.CREATE': ({ id }) => ({ id }),
  'LB.DELETE': ({ id }) => ({ id }),
  'NET.RULEADD': ({ id, zone }) => ({ id, zone }),
  'NET.RULEDELETE': ({ id }) => ({ id, zone: 0 }),
  'NETWORK.OFFERING.ASSIGN': nicColumns,
  'NETWORK.OFFERING.REMOVE': nicColumns,
  'VPN.USER.ADD': ({ id }) => ({ id, zone: 0, name: `user${id}` }),
  'VPN.USER.REMOVE': ({ id }) => ({ id, zone: 0, name: `user${id}` }),
  'SG.ASSIGN': ({ id, other }) => ({ id, offering: other }),
  'SG.REMOVE': ({ id, other }) => ({ id, offering: other }),
  'VMSNAPSHOT.CREATE': snapshotColumns,
  'VMSNAPSHOT.DELETE': snapshotColumns,
  'VMSNAPSHOT.ON_PRIMARY': snapshotColumns,
  'VMSNAPSHOT.OFF_PRIMARY': snapshotColumns,
  'BACKUP.OFFERING.ASSIGN': ({ id }) => ({ id, offering: 71 }),
  'BACKUP.OFFERING.BACKUPS.DEL': ({ id }) => ({ id, offering: 71 }),
  'NETWORK.CREATE': ({ id, other }) => ({ id, offering: other }),
  'NETWORK.UPDATE': ({ id, other }) => ({ id, offering: other, kind: `state${other}` }),
  'NETWORK.DELETE': ({ id }) => ({ id }),
  'VPC.CREATE': ({ id }) => ({ id }),
  'VPC.DELETE': ({ id }) => ({ id }),
  'VM.REBOOT': ({ id }) => ({ id }),
  'NOT.A.TYPE': ({ id }) => ({ id }),
};

interface Picked {
  readonly id: number;
  readonly other: number;
  readonly size: number;
  readonly zone: number;
}

function vmColumns({ id, other, size }: Picked): Columns {
  const details = size > 2 ? [['cpuNumber', String(size)] as const] : [];
  return { id, name: `vm${id}`, offering: 20 + other, template: 5, kind: 'KVM', details };
}
function volumeColumns({ id, size, other }: Picked): Columns {
  return { id, offering: 31, size, vm: other === 0 ? null : other };
}
function nicColumns({ id, other, size }: Picked): Columns {
  return { id, name: String(900 + other), offering: 41 + (size % 2), size: other };
}
function snapshotColumns({ id, other, size, zone }: Picked): Columns {
  const details = [['vmSnapshotId', String(600 + other)] as const];
  return {
    id,
    name: `snap${other}`,
    offering: 31,
    template: 9,
    size,
    virtualSize: 1,
    zone,
    details,
  };
}

/** Few resources, few instants: double starts, lost stops and ties are the rule. */
const line = (untilMs: number, types: readonly string[]): fc.Arbitrary<Line> =>
  fc
    .record({
      type: fc.constantFrom(...types),
      slot: fc.nat(48),
      second: fc.constantFrom(0, 0, 0, 1, 1799),
      id: fc.integer({ min: 1, max: 2 }),
      other: fc.nat(1),
      size: fc.integer({ min: 1, max: 4 }),
      zone: fc.integer({ min: 1, max: 2 }),
    })
    .map(({ type, slot, second, ...picked }) => {
      const createdMs = Math.min(Math.floor((untilMs / 48) * slot), untilMs - 1_800_000);
      return [type, createdMs + second * 1000, shapes[type]?.(picked) ?? {}];
    });

/** Types by what they act on: a run plays some of these, so that its events meet. */
const families = Object.values(
  Object.groupBy(Object.keys(shapes), (type) => type.slice(0, type.indexOf('.'))),
).filter((types) => types !== undefined);

/** Events of one account within [0, untilMs), with ids 2, 4, 6 … in an order that time does not follow. */
export const anyEvents = (untilMs: number): fc.Arbitrary<FoldEvent[]> =>
  fc
    .subarray(families, { minLength: 1, maxLength: 3 })
    .chain((some) => fc.array(line(untilMs, some.flat()), { maxLength: 60, size: 'max' }))
    .map((lines) =>
      eventsOf(lines).map((event) => ({ ...event, id: u64<EventId>(Number(event.id) * 2) })),
    );
