import type { Account, Counter } from '../../src/contracts/feed-record.ts';
import type { AccountFacts } from '../../src/contracts/fold.ts';
import type { U64, ZoneId } from '../../src/contracts/ids.ts';
import { u64 } from '../../src/contracts/ids.ts';
import { factsAt } from '../recount/fold-history.ts';
import type { Fact } from '../recount/history.ts';
import { fc } from './fast-check.ts';
import { account, accountRow } from './fold-story.ts';

/** What an account's rows need beside events, as known at a run time. */
export type FactsAt = (runMs: number) => AccountFacts;

type Table = Counter['table'];

interface Measured {
  readonly table: Table;
  readonly zone: number;
  readonly owner: number;
  readonly part: number;
}

/** A statistics row of the account with these totals. */
function counterOf(id: number, { table, zone, owner, part }: Measured, totals: readonly U64[]) {
  const [a = none, b = none, c = none, d = none] = totals;
  const own = { id: u64(id), accountId: account, zoneId: u64<ZoneId>(zone) };
  if (table === 'bucket_statistics')
    return { table, id: own.id, accountId: account, bucketId: u64(90 + owner), size: a };
  if (table === 'user_statistics')
    return {
      ...{ table, ...own, publicIpAddress: null, deviceId: u64(owner), networkId: u64(part) },
      ...{ deviceType: 'DomainRouter', netBytesReceived: none, netBytesSent: none },
      ...{ currentBytesReceived: none, currentBytesSent: none },
      ...{ aggBytesSent: a, aggBytesReceived: b },
    };
  return {
    ...{ table, ...own, vmId: u64(owner), volumeId: u64(part), netIoRead: none, netIoWrite: none },
    ...{ currentIoRead: none, currentIoWrite: none, netBytesRead: none, netBytesWrite: none },
    ...{ currentBytesRead: none, currentBytesWrite: none, aggIoRead: a, aggIoWrite: b },
    ...{ aggBytesRead: c, aggBytesWrite: d },
  };
}

const none = u64(0);
const tables: readonly Table[] = ['user_statistics', 'vm_disk_statistics', 'bucket_statistics'];
const anyTotals = (max: number) => fc.array(fc.nat(max), { minLength: 4, maxLength: 4 });
const anySecond = (untilMs: number) => fc.nat(untilMs / 1000 - 1).map((second) => second * 1000);

/** Statistics that grow, are reset, vanish and come back, of few owners: also of owner 0, and two rows of one key. */
const anyCounters = (untilMs: number): fc.Arbitrary<Fact[]> =>
  fc.array(
    fc
      .record({
        atMs: anySecond(untilMs),
        id: fc.integer({ min: 1, max: 6 }),
        totals: fc.option(anyTotals(5)),
      })
      .map(({ atMs, id, totals }) => {
        const measured = {
          table: tables[id % 3] ?? 'user_statistics',
          ...{ zone: 1 + (id % 2), owner: id < 3 ? 0 : 40, part: 70 + (id % 4) },
        };
        const value = totals === null ? null : counterOf(id, measured, totals.map(u64));
        return { atMs, accountId: account, id: u64(id), kind: measured.table, value } as Fact;
      }),
    { maxLength: 20 },
  );

/** Statistics of which every total only grows, each of another key. */
export const anyGrowing = (untilMs: number): fc.Arbitrary<FactsAt> =>
  fc
    .array(
      fc.record({
        atMs: anySecond(untilMs),
        id: fc.integer({ min: 1, max: 4 }),
        added: anyTotals(1000),
      }),
      { maxLength: 30 },
    )
    .map((steps) => {
      const totals = new Map<number, number[]>();
      const facts = steps
        .toSorted((a, b) => a.atMs - b.atMs)
        .map(({ atMs, id, added }): Fact => {
          const grown = added.map((more, at) => more + (totals.get(id)?.[at] ?? 0));
          totals.set(id, grown);
          const table = tables[id % 2] ?? 'user_statistics';
          const measured = { table, zone: 1, owner: 40 + id, part: 70 };
          const value = counterOf(id, measured, grown.map(u64));
          return { atMs, accountId: account, id: u64(id), kind: table, value } as Fact;
        });
      const all = inOrder([accountFact(0, {}), ...facts]);
      return (runMs) => factsAt(all, runMs);
    });

/** Everything that is no event, changing at any time: the account too, which moves and may be removed. */
export const anyFacts = (untilMs: number): fc.Arbitrary<FactsAt> =>
  anyFactList(untilMs).map((facts) => (runMs) => factsAt(facts, runMs));

/** The same one by one, in the order of their commits. */
export const anyFactList = (untilMs: number): fc.Arbitrary<readonly Fact[]> =>
  fc
    .record({
      counters: anyCounters(untilMs),
      movedMs: fc.option(anySecond(untilMs)),
      removedMs: fc.option(anySecond(untilMs)),
      publicTemplates: fc.subarray([1, 2]),
      removedBuckets: fc.array(fc.option(anySecond(untilMs)), { minLength: 2, maxLength: 2 }),
    })
    .map(({ counters, movedMs, removedMs, publicTemplates, removedBuckets }) => {
      const accounts: Fact[] = [accountFact(0, {})];
      // Nothing of an account changes after its removal.
      const isMoved = movedMs !== null && (removedMs === null || movedMs <= removedMs);
      const now = isMoved ? { domainId: u64(502) } : {};
      if (isMoved) accounts.push(accountFact(movedMs, now));
      if (removedMs !== null) accounts.push(accountFact(removedMs, { ...now, removedMs }));
      const buckets = removedBuckets.flatMap((goneMs, at): Fact[] => {
        const id = u64(at === 0 ? 90 : 130);
        const own = { accountId: account, id, kind: 'bucket' } as const;
        const value = { id, accountId: account, removedMs: null };
        const made = { ...own, atMs: 0, value };
        return goneMs === null
          ? [made]
          : [made, { ...own, atMs: goneMs, value: { ...value, removedMs: goneMs } }];
      });
      const templates = publicTemplates.map((number): Fact => {
        const own = { id: u64(number), accountId: account };
        return {
          ...own,
          atMs: 0,
          kind: 'template',
          value: { ...own, isPublic: true, removedMs: null },
        };
      });
      return inOrder([...accounts, ...buckets, ...templates, ...counters]);
    });

const accountFact = (atMs: number, columns: Partial<Account>): Fact => ({
  ...{ atMs, accountId: account, id: account, kind: 'account' },
  value: accountRow(columns),
});

const inOrder = (facts: readonly Fact[]): readonly Fact[] =>
  facts.toSorted((a, b) => a.atMs - b.atMs);
