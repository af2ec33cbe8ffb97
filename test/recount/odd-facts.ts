import type { Account, Counter } from '../../src/contracts/feed-record.ts';
import type { FoldEvent } from '../../src/contracts/fold.ts';
import type { AccountId, ZoneId } from '../../src/contracts/ids.ts';
import { u64 } from '../../src/contracts/ids.ts';
import type { EpochMs } from '../../src/contracts/time.ts';
import type { Random } from '../../src/simulate/random.ts';
import type { Fact } from './history.ts';

export interface AccountLife {
  readonly value: Account;
  readonly atMs: EpochMs;
  readonly untilMs: EpochMs;
  readonly events: readonly FoldEvent[];
  readonly idBase: number;
}

const hour = 3_600_000;

/**
 * What the plan does not do to an account: another domain, a removal, public templates, buckets, and
 * statistics that are reset, vanish, come back, share a key or have device 0.
 */
export function oddFacts(life: AccountLife, random: Random) {
  const { value, atMs, untilMs } = life;
  const any = (): EpochMs => atMs + Math.floor(random.next() * ((untilMs - atMs) / 1000)) * 1000;
  const accountId = value.id;
  const facts: Fact[] = [{ atMs, accountId, id: accountId, kind: 'account', value }];
  const put = (account: Account, whenMs: EpochMs) =>
    facts.push({ atMs: whenMs, accountId, id: accountId, kind: 'account', value: account });
  const movedMs = any();
  const moved = random.chance(0.3);
  if (moved) put({ ...value, domainId: u64(Number(value.domainId) + 500) }, movedMs + 300);
  const goneMs = atMs + Math.floor((random.next() * (untilMs - atMs)) / 2_000) * 1000 + hour;
  const removedMs = random.chance(0.35) ? goneMs : null;
  if (removedMs !== null) {
    const other = moved && movedMs + 300 < removedMs + 200;
    const domainId = other ? u64(Number(value.domainId) + 500) : value.domainId;
    put({ ...value, domainId, removedMs }, removedMs + 200);
    // Nothing of an account changes after its removal.
    if (moved && !other) facts.splice(1, 1);
  }
  facts.push(...templates(life, random), ...buckets(life, any, random));
  for (const counter of counters(life, random)) facts.push(...measured(counter, life, random));
  return { facts, removedMs };
}

function templates({ events, value }: AccountLife, random: Random): Fact[] {
  const accountId = value.id;
  const publicIds = new Map<string, boolean>();
  return events.flatMap(({ type, resourceId: id, createdMs }): Fact[] => {
    if (id === null || !type.startsWith('TEMPLATE.')) return [];
    const isPublic = publicIds.get(id) ?? random.chance(0.7);
    publicIds.set(id, isPublic);
    const removedMs = type === 'TEMPLATE.DELETE' ? createdMs : null;
    const template = { id, accountId, isPublic, removedMs };
    return [{ atMs: createdMs + 500, accountId, id, kind: 'template', value: template }];
  });
}

function buckets({ value }: AccountLife, any: () => EpochMs, random: Random): Fact[] {
  const accountId = value.id;
  const facts: Fact[] = [];
  for (let i = random.whole(0, 2); i > 0; i -= 1) {
    const bucketId = u64(Number(accountId) + 5_000_000 + i * 1_000);
    const madeMs = any();
    const bucket = { id: bucketId, accountId };
    const at = { accountId, id: bucketId, kind: 'bucket' } as const;
    facts.push({ ...at, atMs: madeMs, value: { ...bucket, removedMs: null } });
    const removedMs = Math.max(madeMs + hour, any());
    if (random.chance(0.5))
      facts.push({ ...at, atMs: removedMs + 900, value: { ...bucket, removedMs } });
    for (let sizes = random.whole(1, 4); sizes > 0; sizes -= 1) {
      const size = random.pick([u64(0), null, u64(random.whole(1, 1e9)), u64(4096)]);
      const table = 'bucket_statistics';
      const statistics = { table, id: bucketId, accountId, bucketId, size } as const;
      const atMs = madeMs + random.whole(0, 9) * 4 * hour + sizes;
      facts.push({ ...at, kind: table, atMs, value: statistics });
    }
  }
  return facts;
}

/** Some statistics rows of an account: ids ascend with device and part. */
function counters({ value, idBase }: AccountLife, random: Random): Counter[] {
  const accountId = value.id;
  const zone = (): ZoneId => u64<ZoneId>(idBase + random.whole(1, 2));
  const firstId = Number(accountId) * 100 - idBase * 99 + 6_000_000;
  const list: Counter[] = [];
  for (let i = 0; i < random.whole(1, 4); i += 1) {
    const id = u64(firstId + i);
    const device = random.pick([0, 40, 40, 41]);
    const part = u64(70 + i - (i > 0 && random.chance(0.3) ? 1 : 0));
    list.push(
      random.chance(0.6)
        ? network(accountId, zone(), id, device, part)
        : disk(accountId, zone(), id, device, part),
    );
  }
  return list;
}

const none = u64(0);

const network = (
  accountId: AccountId,
  zoneId: ZoneId,
  id: Counter['id'],
  device: number,
  networkId: Counter['id'],
): Counter => ({
  table: 'user_statistics',
  ...{ id, accountId, zoneId, networkId },
  publicIpAddress: null,
  deviceId: u64(device),
  deviceType: 'DomainRouter',
  netBytesReceived: none,
  netBytesSent: none,
  currentBytesReceived: none,
  currentBytesSent: none,
  aggBytesReceived: none,
  aggBytesSent: none,
});

const disk = (
  accountId: AccountId,
  zoneId: ZoneId,
  id: Counter['id'],
  vm: number,
  volumeId: Counter['id'],
): Counter => ({
  table: 'vm_disk_statistics',
  ...{ id, accountId, zoneId, volumeId },
  vmId: u64(vm),
  ...{ netIoRead: none, netIoWrite: none, currentIoRead: none, currentIoWrite: none },
  ...{ aggIoRead: none, aggIoWrite: none, netBytesRead: none, netBytesWrite: none },
  ...{ currentBytesRead: none, currentBytesWrite: none, aggBytesRead: none, aggBytesWrite: none },
});

function measured(counter: Counter, { atMs, untilMs, value }: AccountLife, random: Random): Fact[] {
  const facts: Fact[] = [];
  const totals = [0, 0, 0, 0];
  for (let ms = atMs + random.whole(1, 20) * hour; ms < untilMs; ms += random.whole(2, 16) * hour) {
    const { id, table } = counter;
    const fact = { atMs: ms + random.whole(0, 900), accountId: value.id, id, kind: table } as const;
    if (random.chance(0.1)) facts.push({ ...fact, value: null });
    else {
      for (const at of totals.keys())
        totals[at] = random.chance(0.1) ? 0 : totals[at]! + random.pick([0, 0, 700, 5_000_000]);
      facts.push({ ...fact, value: withTotals(counter, totals) });
    }
  }
  return facts;
}

function withTotals(counter: Counter, totals: readonly number[]): Counter {
  const [a, b, c, d] = totals.map((total) => u64(total));
  if (counter.table === 'user_statistics')
    return { ...counter, aggBytesSent: a!, aggBytesReceived: b! };
  if (counter.table === 'vm_disk_statistics')
    return { ...counter, aggIoRead: a!, aggIoWrite: b!, aggBytesRead: c!, aggBytesWrite: d! };
  return counter;
}
