import { fc } from './fast-check.ts';
import { u64 } from '../../src/contracts/ids.ts';
import type { EventId } from '../../src/contracts/ids.ts';
import type { FoldEvent } from '../../src/contracts/fold.ts';
import { eventsOf } from './fold-story.ts';
import type { Columns, Line } from './fold-story.ts';

const shapes: Readonly<Record<string, (pick: Picked) => Columns>> = {
  'VM.CREATE': vmColumns,
  'VM.START': vmColumns,
  'VM.STOP': closing,
  'VM.DESTROY': closing,
  'VM.UPGRADE': vmColumns,
  'VM.DYNAMIC.SCALE': vmColumns,
  'VM.REBOOT': byId,
  'NET.IPASSIGN': ipColumns,
  'NET.IPRELEASE': ipColumns,
  'NET.IPUPDATE': ipColumns,
  'NET.IP6ASSIGN': ipColumns,
  'NET.IP6RELEASE': ipColumns,
  'PORTABLE.IPASSIGN': ipColumns,
  'PORTABLE.IPRELEASE': ipColumns,
  'VOLUME.CREATE': volumeColumns,
  'VOLUME.RESIZE': volumeColumns,
  'VOLUME.ATTACH': ({ id, other, size }) => ({ id, offering: 31, size, vm: other + 1 }),
  'VOLUME.DETACH': byId,
  'VOLUME.DELETE': closing,
  'VOLUME.UPLOAD': volumeColumns,
  'VOLUME.IMPORT': volumeColumns,
  'VOLUME.UNMANAGE': byId,
  'TEMPLATE.CREATE': imageColumns,
  'TEMPLATE.COPY': imageColumns,
  'TEMPLATE.DELETE': ({ id, zone }) => ({ id, zone }),
  'ISO.CREATE': imageColumns,
  'ISO.COPY': imageColumns,
  'ISO.DELETE': ({ id, zone }) => ({ id, zone }),
  'SNAPSHOT.CREATE': ({ id, size, zone, other }) => ({ id, size, zone, virtualSize: size + other }),
  'SNAPSHOT.DELETE': closing,
  'SNAPSHOT.COPY': byId,
  'SNAPSHOT.ON_PRIMARY': byId,
  'SNAPSHOT.OFF_PRIMARY': byId,
  'LB.CREATE': byId,
  'LB.DELETE': closing,
  'LB.UPDATE': byId,
  'GLOBAL.LB.CREATE': byId,
  'GLOBAL.LB.DELETE': byId,
  'NET.RULEADD': ({ id, zone }) => ({ id, zone }),
  'NET.RULEDELETE': ({ id }) => ({ id, zone: 0 }),
  'NET.RULEMODIFY': byId,
  'NETWORK.OFFERING.ASSIGN': nicColumns,
  'NETWORK.OFFERING.CREATE': nicColumns,
  'NETWORK.OFFERING.REMOVE': nicColumns,
  'NETWORK.OFFERING.DELETE': nicColumns,
  'VPN.USER.ADD': ({ id }) => ({ id, zone: 0, name: `user${id}` }),
  'VPN.USER.REMOVE': ({ id }) => ({ id, zone: 0, name: `user${id}` }),
  'VPN.USER.UPDATE': byId,
  'SG.ASSIGN': ({ id, other }) => ({ id, offering: other }),
  'SG.REMOVE': ({ id, other }) => ({ id, offering: other }),
  'VMSNAPSHOT.CREATE': snapshotColumns,
  'VMSNAPSHOT.DELETE': snapshotColumns,
  'VMSNAPSHOT.ON_PRIMARY': snapshotColumns,
  'VMSNAPSHOT.OFF_PRIMARY': snapshotColumns,
  'VMSNAPSHOT.REVERTTO': byId,
  'BACKUP.OFFERING.ASSIGN': backupColumns,
  'BACKUP.OFFERING.BACKUPS.DEL': backupColumns,
  'BACKUP.USAGE.METRIC': ({ size, other, ...picked }) => ({
    ...backupColumns({ size, other, ...picked }),
    ...{ size: size === 1 ? null : size, virtualSize: other === 0 ? null : size * 10 },
  }),
  'NETWORK.CREATE': ({ id, other }) => ({ id, offering: other }),
  'NETWORK.UPDATE': ({ id, other }) => ({ id, offering: other, kind: `state${other}` }),
  'NETWORK.DELETE': closing,
  'VPC.CREATE': byId,
  'VPC.DELETE': closing,
  'NOT.A.TYPE': byId,
};

/** Every type that is made. */
export const madeTypes: readonly string[] = Object.keys(shapes);

interface Picked {
  readonly id: number;
  readonly other: number;
  readonly size: number;
  readonly zone: number;
}

function byId({ id }: Picked): Columns {
  return { id };
}
/** A close may carry any zone, or none. */
function closing({ id, zone, size }: Picked): Columns {
  return { id, zone: size === 1 ? 0 : zone };
}
function ipColumns({ id, other, size, zone }: Picked): Columns {
  const details = size === 1 ? [['hidden', 'true'] as const] : [];
  const template = size === 2 ? 8 : null;
  // Two addresses may have one text.
  return { id, name: `10.0.0.${size === 3 ? 9 : id}`, size: other, template, zone, details };
}
function imageColumns({ id, size, zone, other }: Picked): Columns {
  const [template, virtualSize] = [other === 0 ? null : 4, other === 0 ? null : size * 10];
  return { id, size: size - 1, virtualSize, template, zone };
}
function backupColumns({ id, other }: Picked): Columns {
  return { id, offering: 71 + other };
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
    offering: zone === 1 ? 31 : null,
    template: 9,
    size: size - 1,
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
