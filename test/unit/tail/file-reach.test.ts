import { describe, expect, test } from 'vitest';
import { eventType, readHeader } from '../../../src/tail/event-header.ts';
import { FileReach } from '../../../src/tail/file-reach.ts';

const turn = 2 ** 32;
const rows = 30;

/** An event as a packet has it: type, length and what its header says of the next position. */
type Sketch = readonly [type: number, length: number, nextPosition: number, flags?: number];

function reachAfter(from: number, events: readonly Sketch[]): number {
  const reach = new FileReach();
  const rotate = Buffer.alloc(8);
  rotate.writeBigUInt64LE(BigInt(from));
  for (const [type, length, next, flags = 0] of [[eventType.rotate, 40, 0] as Sketch, ...events]) {
    const header = Buffer.alloc(19);
    header[4] = type;
    header.writeUInt32LE(length, 9);
    header.writeUInt32LE(next, 13);
    header.writeUInt16LE(flags, 17);
    reach.pass(readHeader(header, 0), rotate);
  }
  return reach.end;
}

/** Rows events of `bytes` in all, with a position each or with none. */
function* rowsOf(bytes: number, from: number | null): Generator<Sketch> {
  const step = 2 ** 30;
  for (let done = step; done <= bytes; done += step)
    yield [rows, step, from === null ? 0 : (from + done) % turn];
}

describe('how far the stream has come', () => {
  test.each([
    ['MySQL, which writes the position of every event', 1000],
    ['MariaDB, which writes none within a transaction', null],
  ])('is known through a transaction of three times four GiB on %s', (_, from) => {
    const bytes = 12 * 2 ** 30;
    const gtid = from === null ? eventType.mariadbGtid : eventType.gtid;
    const transaction = [[gtid, 60, 1000] as const, ...rowsOf(bytes, from)];
    expect(reachAfter(940, transaction)).toBe(1000 + bytes);
    // The commit, whose position has four bytes on both.
    expect(reachAfter(940, [...transaction, [eventType.xid, 31, 1031]])).toBe(1031 + bytes);
  });

  test('is found again where the server keeps less than four GiB of events to itself', () => {
    const sent = [...rowsOf(3 * 2 ** 30, null)];
    const events: Sketch[] = [[eventType.mariadbGtid, 60, 1000], ...sent];
    expect(reachAfter(940, [...events, [eventType.xid, 31, 1031]])).toBe(1031 + turn);
  });

  test.each([
    ['the description of the file, sent again', [15, 250, 0]],
    ['a heartbeat', [eventType.heartbeat, 40, 90]],
    ['a long heartbeat', [eventType.longHeartbeat, 40, 0]],
    ['what was made for this reader', [163, 43, 90, 0x20]],
  ] as const)('does not move by %s', (_, event) => {
    expect(reachAfter(500, [event])).toBe(500);
    expect(reachAfter(500, [[eventType.mariadbGtid, 42, 542], event, [rows, 8, 0]])).toBe(
      event[0] === 15 ? 800 : 550,
    );
  });

  test('begins again with the next file', () => {
    expect(reachAfter(4, [[eventType.xid, 31, 35]])).toBe(35);
    expect(reachAfter(turn + 5, [])).toBe(turn + 5);
  });
});
