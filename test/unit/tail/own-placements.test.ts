import { expect, test } from 'vitest';
import { u64 } from '../../../src/contracts/ids.ts';
import type { AccountId } from '../../../src/contracts/ids.ts';
import type { EventLog, OutRecord } from '../../../src/platform/log/log.ts';
import { encodePlacementNote, readOwnPlacements } from '../../../src/tail/own-placements.ts';
import { encodeLeader } from '../../../src/tail/position.ts';
import type { PositionRecord } from '../../../src/tail/position.ts';

const leader = encodeLeader('acs', 'acs', 17);
const note = encodePlacementNote('acs', leader);
const older = encodePlacementNote('acs', encodeLeader('acs', 'acs', 16));
const placed = (account: string): OutRecord => ({
  topic: 'acs.placement',
  partition: 0,
  key: account,
  value: JSON.stringify({ v: 1, account, partition: 1, homeZone: null }),
});
const waiting: OutRecord = {
  ...placed('6'),
  value: JSON.stringify({ v: 1, account: '6', partition: null, homeZone: null }),
};

/** A broker's answer: what it knows of the placements, and how far it has the feed. */
const logOf = (records: readonly OutRecord[] | null, feedNext = 7) =>
  ({
    offsets: async (topic: string) => {
      if (topic === 'acs.usage-feed') return [{ partition: 0, earliest: 0, next: feedNext }];
      return records === null ? [] : [{ partition: 0, earliest: 0, next: records.length }];
    },
    async *read() {
      yield {
        records: (records ?? []).map(({ key, value, headers = {} }) => ({
          key: Buffer.from(String(key)),
          value: value === null ? null : Buffer.from(String(value)),
          headers,
        })),
      };
    },
  }) as unknown as EventLog;

const stored = (said: Partial<PositionRecord>) => said as PositionRecord;
const read = (log: EventLog, position: PositionRecord | null) =>
  readOwnPlacements(
    { prefix: 'acs', feedPartitions: 2 },
    log,
    leader,
    position,
    new AbortController().signal,
  );

test.each([
  { why: 'does not know the topic', records: null },
  { why: 'has nothing in it', records: [] },
  { why: 'ends before our note', records: [placed('2'), older] },
])('a broker that $why does not let accounts be placed again', async ({ records }) => {
  await expect(read(logOf(records), stored({ accounts: 1 }))).rejects.toMatchObject({
    code: 'LOG_UNREACHABLE',
  });
});

test.each([
  { why: 'fewer accounts than the position says', said: { accounts: 3 }, records: [placed('2')] },
  { why: 'none though there were events', said: { newestEvent: { id: '1', hash: '' } } },
])('placements with $why are lost', async ({ said, records = [] }) => {
  await expect(read(logOf([...records, note]), stored(said))).rejects.toMatchObject({
    code: 'LOG_TOPIC_MISSING',
    facts: { topic: 'acs.placement', accounts: records.length },
  });
});

test('accounts that have a place and no feed have lost it', async () => {
  const log = logOf([placed('2'), note], 0);
  await expect(read(log, stored({ accounts: 1 }))).rejects.toMatchObject({
    code: 'LOG_TOPIC_MISSING',
    facts: { topic: 'acs.usage-feed' },
  });
});

test('an account counts once, whether it waited before it got its place', async () => {
  const records = [waiting, placed('6'), placed('2'), placed('2'), note];
  const { partitions } = await read(logOf(records), stored({ accounts: 2 }));
  expect([...partitions.keys()]).toEqual(['6', '2'].map((id) => u64<AccountId>(id)));
});

test('a source that was never followed has no placements', async () => {
  const { partitions } = await read(logOf([older, note], 0), null);
  expect(partitions.size).toBe(0);
});
