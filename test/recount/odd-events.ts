import type { FoldEvent } from '../../src/contracts/fold.ts';
import { u64 } from '../../src/contracts/ids.ts';
import type { EventId, ZoneId } from '../../src/contracts/ids.ts';
import { unbilledTypes } from '../../src/domain/event-rules.ts';
import type { Random } from '../../src/simulate/random.ts';

const closing = /DELETE$|REMOVE$|DEL$|RELEASE$|DESTROY$|STOP$/;
/** Columns without which an event of the type is of no use. */
const needed: readonly (readonly [RegExp, Partial<FoldEvent>])[] = [
  [/^VM\.(START|CREATE|UPGRADE|DYNAMIC\.SCALE)$/, { offeringId: null }],
  [/^VM\.(START|CREATE|UPGRADE|DYNAMIC\.SCALE)$/, { templateId: null }],
  [/^VM\.(START|CREATE)$/, { details: [{ name: 'memory', value: 'much' }] }],
  [
    /^NET\.IPASSIGN$|^VOLUME\.(CREATE|ATTACH)$|^TEMPLATE\.CREATE$|^SNAPSHOT\.CREATE$/,
    { size: null },
  ],
  [/^NETWORK\.OFFERING\.ASSIGN$/, { size: null }],
  [/^NETWORK\.OFFERING|^NETWORK\.CREATE$|^SG\.|^BACKUP\.OFFERING\.ASSIGN$/, { offeringId: null }],
  [/^VMSNAPSHOT\.CREATE$/, { templateId: null }],
];
/** What makes another rule apply, and is no fault. */
const unusual: readonly (readonly [RegExp, Partial<FoldEvent>])[] = [
  [/^NETWORK\.OFFERING/, { resourceName: null }],
  [/^NETWORK\.OFFERING/, { resourceName: 'eth0' }],
  [/^TEMPLATE\.CREATE$/, { size: u64(0) }],
  [/^TEMPLATE\.CREATE$/, { virtualSize: null }],
  [/^ISO\.CREATE$/, { size: u64(0) }],
  [/^NET\.IPASSIGN$/, { details: [{ name: 'hidden', value: 'True' }] }],
  [/^VMSNAPSHOT\.CREATE$/, { details: [] }],
  [/^BACKUP\.USAGE\.METRIC$/, { size: null }],
  [/^BACKUP\.USAGE\.METRIC$/, { virtualSize: null }],
  [/^VM\.(START|CREATE)$/, { details: [] }],
  [
    /^VM\.(START|UPGRADE)$/,
    {
      details: [
        { name: 'cpuNumber', value: '3' },
        { name: 'cpuNumber', value: '4' },
      ],
    },
  ],
  [/^NETWORK\.OFFERING\.ASSIGN$/, { type: 'NETWORK.OFFERING.CREATE' }],
  [/^NETWORK\.OFFERING\.REMOVE$/, { type: 'NETWORK.OFFERING.DELETE' }],
];

/** Types that nothing is billed for, each of a family that has others. */
const idle = [...unbilledTypes, 'VM.REBOOT', 'NET.IPUPDATE', 'LB.UPDATE', 'NET.RULEMODIFY'];

/**
 * Loses, repeats, shifts and spoils some events of a history, copies images to another zone, gives VM
 * snapshots few machines and few names, and machines twins whose key reads the same without separators.
 */
export function oddEvents(
  events: readonly FoldEvent[],
  idBase: number,
  random: Random,
): FoldEvent[] {
  let nextId = idBase + 9_000_001;
  const fresh = (): EventId => u64<EventId>(nextId++);
  const crowded = random.chance(0.6);
  const twins = new Set<string>();
  const out: FoldEvent[] = [];
  for (const planned of events) {
    const event = crowded ? crowd(planned) : planned;
    const last = out.at(-1);
    if (random.chance(0.03)) continue;
    out.push(spoil(event, random));
    if (random.chance(0.04)) {
      const laterMs = event.createdMs + random.pick([0, 0, 1, 30, 3600]) * 1000;
      out.push({ ...event, id: fresh(), createdMs: laterMs });
    }
    if (last?.accountId === event.accountId && random.chance(0.03))
      out.push({ ...event, id: fresh(), createdMs: last.createdMs });
    if (random.chance(0.02)) out.push({ ...event, id: fresh(), type: random.pick(idle) });
    if (/^(TEMPLATE|ISO)\.CREATE$/.test(event.type) && random.chance(0.5))
      out.push(copyOf(event, fresh(), random));
    if (!event.type.startsWith('VM.') || event.resourceId === null) continue;
    if (event.type === 'VM.CREATE' && random.chance(0.1)) twins.add(event.resourceId);
    if (twins.has(event.resourceId)) out.push(twin(event, fresh()));
  }
  return out.filter(onceASecond());
}

/**
 * A usage server cannot hold two VM snapshots of one volume that were taken within a second: what it
 * would bill is not defined.
 */
function onceASecond(): (event: FoldEvent) => boolean {
  const seen = new Set<string>();
  return ({ type, accountId, resourceId, templateId, createdMs }) => {
    if (type !== 'VMSNAPSHOT.CREATE') return true;
    const key = [accountId, resourceId, templateId, createdMs].join(' ');
    return !seen.has(key) && seen.add(key).size > 0;
  };
}

/** An image as it comes to another store, or again to the one where it is. */
function copyOf(event: FoldEvent, id: EventId, random: Random): FoldEvent {
  const createdMs = event.createdMs + random.pick([0, 60, 3600]) * 1000;
  const zoneId = u64<ZoneId>(Number(event.zoneId) + random.whole(0, 1));
  return { ...event, id, createdMs, zoneId, type: event.type.replace('CREATE', 'COPY') };
}

/** Offerings are 21, 22 …: machine 12 on offering 3 and machine 1 on offering 23 read the same. */
function twin(event: FoldEvent, id: EventId): FoldEvent {
  const offeringId = event.offeringId === null ? null : u64(Number(event.offeringId) - 20);
  const resourceName = `${event.resourceName}-twin`;
  return { ...event, id, resourceId: u64(`${event.resourceId}2`), offeringId, resourceName };
}

function crowd(event: FoldEvent): FoldEvent {
  if (!event.type.startsWith('VMSNAPSHOT.')) return event;
  const few = Number(event.resourceId) % 3;
  const resourceId = u64(Number(event.accountId) + 4_000_000 + (few === 2 ? 1 : 0));
  const templateId = event.templateId === '0' ? event.templateId : u64(Number(resourceId) + 1);
  return { ...event, resourceId, templateId, resourceName: `snapshot-${few === 0 ? 0 : 1}` };
}

function spoil(event: FoldEvent, random: Random): FoldEvent {
  if (closing.test(event.type) && random.chance(0.1))
    return { ...event, zoneId: u64(random.chance(0.5) ? 0 : Number(event.zoneId) + 1) };
  const change = (list: typeof needed): FoldEvent => {
    const fitting = list.filter(([type]) => type.test(event.type));
    return fitting.length === 0 ? event : { ...event, ...random.pick(fitting)[1] };
  };
  if (random.chance(0.01)) return change(needed);
  return random.chance(0.04) ? change(unusual) : event;
}
