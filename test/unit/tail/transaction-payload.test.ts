import { zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { isAppError } from '../../../src/platform/errors.ts';
import { readPayload, unpackLarge, unpackSmall } from '../../../src/tail/transaction-payload.ts';

const event = (type: number, size: number, filler = 0) => {
  const bytes = Buffer.alloc(size, filler);
  bytes[4] = type;
  bytes.writeUInt32LE(size, 9);
  return bytes;
};
const number = (value: number): Buffer => {
  if (value < 251) return Buffer.from([value]);
  const bytes = Buffer.alloc(9, 254);
  bytes.writeBigUInt64LE(BigInt(value), 1);
  return bytes;
};
const field = (kind: number, value: number) =>
  Buffer.concat([Buffer.from([kind]), number(number(value).length), number(value)]);
const body = (content: Buffer, method = 0, unpacked?: number) =>
  Buffer.concat([
    ...[field(2, method), field(1, content.length)],
    ...(unpacked === undefined ? [] : [field(3, unpacked)]),
    ...[Buffer.from([0]), content],
  ]);
const at = { start: 1000, end: 1100 };
const events = Buffer.concat([event(19, 30), event(30, 40), event(16, 27)]);
const places = (packets: readonly Buffer[]) =>
  packets.map((each) => [each.length, each[5], each.readUInt32LE(14)]);
const unpack = async (bytes: Buffer) => {
  const payload = readPayload(bytes);
  if (payload.isSmall) return unpackSmall(payload, at, 4);
  return (await allParts(unpackLarge(payload, at, 4))).flat();
};
async function allParts(parts: AsyncIterable<readonly Buffer[]>): Promise<(readonly Buffer[])[]> {
  const all: (readonly Buffer[])[] = [];
  for await (const part of parts) all.push(part);
  return all;
}

describe('a compressed transaction', () => {
  test.each([
    ['small by zstd', body(zstdCompressSync(events), 0, events.length), true],
    ['by zstd, who knows how large', body(zstdCompressSync(events)), false],
    ['not at all', body(events, 255), true],
  ])(
    'packed %s comes as its events, in order, the commit at its end',
    async (_, bytes, isSmall) => {
      expect(readPayload(bytes).isSmall).toBe(isSmall);
      expect(places(await unpack(bytes))).toEqual([
        [35, 19, 1034],
        [45, 30, 1045],
        [32, 16, 1100],
      ]);
    },
  );

  test.each([
    ['by zstd', (all: Buffer) => body(zstdCompressSync(all), 0, all.length)],
    ['not at all', (all: Buffer) => body(all, 255)],
  ])('that is large, packed %s, comes in parts, byte for byte', async (_, packed) => {
    const sizes = Array.from({ length: 400 }, (__, n) => 19 + ((n * 7919) % 9000));
    // One is larger than what is unpacked at a time, one ends where a piece ends.
    sizes[200] = 300_000;
    const all = sizes.map((size, n) => event(30, size, n));
    const payload = readPayload(packed(Buffer.concat(all)));
    expect(payload.isSmall).toBe(false);
    const parts = await allParts(unpackLarge(payload, { start: 1000, end: 9_000_000 }, 0));
    expect(parts.length).toBeGreaterThan(20);
    const found = parts.flat();
    const contents = (each: Buffer) => each.subarray(19).toString('latin1');
    expect(found.map((each) => contents(each.subarray(1)))).toEqual(all.map(contents));
    expect(found.at(-1)!.readUInt32LE(14)).toBe(9_000_000);
  });

  test.each([
    ['of an unknown method', body(events, 9)],
    ['whose description is cut short', body(events).subarray(0, 3)],
    ['that is damaged', body(Buffer.from('not zstd'))],
    ['that is small and damaged', body(Buffer.from('not zstd'), 0, 8)],
    ['cut within an event', body(events.subarray(0, 50), 255)],
    ['cut within what is packed', body(zstdCompressSync(events).subarray(0, 20))],
    ['of an event without a length', body(Buffer.alloc(40), 255)],
  ])('%s is refused with the fix', async (_, bytes) => {
    await expect((async () => unpack(bytes))()).rejects.toSatisfy(
      (error) =>
        isAppError(error, 'TAIL_UNDECODABLE') && error.explain().includes('compression = OFF'),
    );
  });
});
