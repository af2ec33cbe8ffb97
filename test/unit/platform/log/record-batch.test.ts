import { gzipSync } from 'node:zlib';
import { fc } from '../../../support/fast-check.ts';
import { describe, expect, test } from 'vitest';
import { ByteReader, ByteWriter, varintSize } from '../../../../src/platform/log/bytes.ts';
import { crc32c } from '../../../../src/platform/log/crc32c.ts';
import { decodeCommitted } from '../../../../src/platform/log/decode-batches.ts';
import { encodeBatch, recordSize } from '../../../../src/platform/log/encode-batch.ts';
import type { OutRecord } from '../../../../src/platform/log/log.ts';

const ABORT = 0;
const COMMIT = 1;

const text = fc.option(fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ maxLength: 300 })));
const anyRecord: fc.Arbitrary<OutRecord> = fc.record({
  topic: fc.constant('t'),
  partition: fc.constant(0),
  key: text,
  value: fc.oneof(
    text,
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  ),
  headers: fc.dictionary(
    fc.string().filter((name) => name !== '__proto__'),
    fc.string(),
  ),
});

test('a batch that is written is read back as it was, and fits the size foretold', () => {
  fc.assert(
    fc.property(fc.array(anyRecord, { minLength: 1 }), fc.nat(2 ** 40), (records, base) => {
      const bytes = batch({ base, records, nowMs: 1_700_000_000_123 });
      const foretold = records.reduce((sum, record) => sum + recordSize(record), 61);
      expect(bytes.length).toBeLessThanOrEqual(foretold);
      const { records: read, nextOffset } = decodeCommitted(bytes, [], base);
      expect(nextOffset).toBe(base + records.length);
      expect(read).toEqual(
        records.map(({ key, value, headers }, i) => ({
          offset: base + i,
          key: key === null ? null : Buffer.from(key),
          value: value === null ? null : Buffer.from(value),
          timestampMs: 1_700_000_000_123,
          headers: { ...headers },
        })),
      );
    }),
    { numRuns: 1000 },
  );
});

describe('what a reader of committed records is shown', () => {
  const shown = (
    batches: Buffer[],
    aborted: { producerId: bigint; firstOffset: number }[],
    from = 0,
  ) => {
    const { records, nextOffset } = decodeCommitted(Buffer.concat(batches), aborted, from);
    return { values: records.map(({ value }) => value?.toString()), nextOffset };
  };

  test('markers are not shown and are passed', () => {
    const log = [batch({ base: 0, producer: 7n, records: [of('a')] }), marker(1, 7n, COMMIT)];
    expect(shown(log, [])).toEqual({ values: ['a'], nextOffset: 2 });
  });

  test('what was aborted is not shown, what its producer writes later is', () => {
    const log = [
      batch({ base: 0, producer: 7n, records: [of('gone')] }),
      marker(1, 7n, ABORT),
      batch({ base: 2, producer: 7n, records: [of('kept')] }),
      marker(3, 7n, COMMIT),
    ];
    const aborted = [{ producerId: 7n, firstOffset: 0 }];
    expect(shown(log, aborted)).toEqual({ values: ['kept'], nextOffset: 4 });
  });

  test('two aborted transactions that began before the fetch are both hidden, in any order', () => {
    const log = [
      batch({ base: 10, producer: 8n, records: [of('gone')] }),
      batch({ base: 11, producer: 7n, records: [of('gone')] }),
      batch({ base: 12, producer: 9n, records: [of('kept')] }),
      marker(13, 7n, ABORT),
      marker(14, 8n, ABORT),
    ];
    const aborted = [
      { producerId: 8n, firstOffset: 5 },
      { producerId: 7n, firstOffset: 3 },
    ];
    expect(shown(log, aborted, 10)).toEqual({ values: ['kept'], nextOffset: 15 });
    expect(shown(log, aborted.toReversed(), 10)).toEqual({ values: ['kept'], nextOffset: 15 });
  });

  test('a key that looks like an abort marker ends no transaction', () => {
    const tricky = { ...of('gone'), key: Buffer.from([0, 0, 0, 0]) };
    const log = [batch({ base: 0, producer: 7n, records: [tricky, of('gone')] })];
    expect(shown(log, [{ producerId: 7n, firstOffset: 0 }]).values).toEqual([]);
  });

  test('records before the offset asked for are left out of their batch', () => {
    const log = [batch({ base: 4, records: [of('a'), of('b'), of('c')] })];
    expect(shown(log, [], 5)).toEqual({ values: ['b', 'c'], nextOffset: 7 });
  });

  test('a batch that compaction emptied is passed', () => {
    const empty = batch({ base: 3, records: [of('a'), of('b')] }).subarray(0, 61);
    empty.writeInt32BE(61 - 12, 8);
    empty.writeInt32BE(0, 57);
    expect(shown([sealed(empty)], [], 3)).toEqual({ values: [], nextOffset: 5 });
  });

  test('a batch that was cut off is left for the next fetch', () => {
    const [whole, cut] = [0, 1].map((base) => batch({ base, records: [of(`r${base}`)] }));
    const log = [whole!, cut!.subarray(0, cut!.length - 1)];
    expect(shown(log, [])).toEqual({ values: ['r0'], nextOffset: 1 });
    expect(shown([cut!.subarray(0, 40)], [], 1)).toEqual({ values: [], nextOffset: 1 });
  });

  test('gzip of another writer can be read, lz4 is refused', () => {
    const plain = batch({ base: 0, records: [of('a'), of('b')] });
    const packed = (codec: number, body: Buffer) => {
      const bytes = Buffer.concat([plain.subarray(0, 61), body]);
      bytes.writeInt32BE(bytes.length - 12, 8);
      bytes.writeInt16BE(bytes.readInt16BE(21) | codec, 21);
      return sealed(bytes);
    };
    expect(shown([packed(1, gzipSync(plain.subarray(61)))], []).values).toEqual(['a', 'b']);
    expect(() => shown([packed(3, plain.subarray(61))], [])).toThrow('codec 3');
  });

  test('a flipped bit is noticed', () => {
    const bytes = batch({ base: 0, records: [of('amount=1')] });
    bytes[bytes.length - 2]! ^= 1;
    expect(() => shown([bytes], [])).toThrow('checksum');
  });
});

test.each([
  { bytes: Buffer.from('123456789'), crc: 0xe3069283 },
  { bytes: Buffer.alloc(32), crc: 0x8a9136aa },
  { bytes: Buffer.alloc(32, 0xff), crc: 0x62a8ab43 },
  { bytes: Buffer.from(Array.from({ length: 32 }, (_, i) => i)), crc: 0x46dd794e },
])('crc32c of $bytes.length bytes is that of RFC 3720 ($crc)', ({ bytes, crc }) => {
  expect(crc32c(bytes, 0, bytes.length) >>> 0).toBe(crc);
});

test('varints are as long as foretold and read back', () => {
  fc.assert(
    fc.property(fc.integer(), (value) => {
      const bytes = new ByteWriter(0).varint(value).bytes();
      expect(bytes.length).toBe(varintSize(value));
      expect(new ByteReader(bytes).varint()).toBe(value);
    }),
  );
});

test('an offset beyond 2^53 is refused', () => {
  const bytes = new ByteWriter().bigint64(2n ** 53n).bytes();
  expect(() => new ByteReader(bytes).int64()).toThrow('2^53');
});

const of = (value: string): OutRecord => ({ topic: 't', partition: 0, key: null, value });

/** A batch as it lies in the log: our encoder leaves the base offset to the broker. */
function batch(options: {
  base: number;
  records: readonly OutRecord[];
  producer?: bigint;
  nowMs?: number;
}): Buffer {
  const out = new ByteWriter();
  const owner = { producerId: options.producer ?? 1n, producerEpoch: 0, firstSequence: 0 };
  encodeBatch(out, options.records, owner, options.nowMs ?? 1);
  const bytes = Buffer.from(out.bytes());
  bytes.writeBigInt64BE(BigInt(options.base), 0);
  return bytes;
}

function marker(base: number, producer: bigint, type: number): Buffer {
  const bytes = batch({
    base,
    producer,
    records: [{ ...of(''), key: Buffer.from([0, 0, 0, type]) }],
  });
  bytes.writeInt16BE(bytes.readInt16BE(21) | 0x20, 21);
  return sealed(bytes);
}

function sealed(bytes: Buffer): Buffer {
  bytes.writeInt32BE(crc32c(bytes, 21, bytes.length), 17);
  return bytes;
}
