import { expect, test } from 'vitest';
import type { EventLog, OutRecord } from '../../../src/platform/log/log.ts';
import { readOwnPosition } from '../../../src/tail/own-position.ts';
import { encodeLeader } from '../../../src/tail/position.ts';

const note = encodeLeader('acs', 'acs', 17);
const older = encodeLeader('acs', 'acs', 16);

/** A broker's answer: what it knows of the topic, whoever has written what. */
const logOf = (records: readonly OutRecord[] | null) =>
  ({
    offsets: async () =>
      records === null ? [] : [{ partition: 0, earliest: 0, next: records.length }],
    async *read() {
      yield {
        records: (records ?? []).map(({ key, value }) => ({
          key: Buffer.from(String(key)),
          value: Buffer.from(String(value)),
        })),
      };
    },
  }) as unknown as EventLog;

const { signal } = new AbortController();

test.each([
  { why: 'does not know the topic', records: null },
  { why: 'has nothing in it', records: [] },
  { why: 'ends before our note', records: [older] },
])('a broker that $why does not let a feed begin again', async ({ records }) => {
  await expect(readOwnPosition(logOf(records), 'acs', note, signal)).rejects.toMatchObject({
    code: 'LOG_UNREACHABLE',
  });
});

test('whoever leads since then, the position is read: the log refuses what is written next', async () => {
  const records = [note, encodeLeader('acs', 'acs', 18)];
  await expect(readOwnPosition(logOf(records), 'acs', note, signal)).resolves.toBeNull();
});

test('a source was never followed where there is our note and no position', async () => {
  await expect(readOwnPosition(logOf([older, note]), 'acs', note, signal)).resolves.toBeNull();
});
