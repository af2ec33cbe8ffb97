import { expect, test } from 'vitest';
import { ByteReader, ByteWriter } from '../../../../src/platform/log/bytes.ts';

test.each([
  { type: 'int8', write: (to: ByteWriter) => to.int8(-7) },
  { type: 'int16', write: (to: ByteWriter) => to.int16(-300) },
  { type: 'int32', write: (to: ByteWriter) => to.int32(-70_000) },
  { type: 'int64', write: (to: ByteWriter) => to.int64(-5_000_000_000) },
  { type: 'bigint64', write: (to: ByteWriter) => to.bigint64(-(2n ** 60n)) },
  { type: 'uvarint', write: (to: ByteWriter) => to.uvarint(1_000_000) },
  { type: 'string', write: (to: ByteWriter) => to.string('grown') },
])('$type is written whole wherever the buffer has to grow for it', ({ write }) => {
  const expected = write(new ByteWriter(1000)).bytes();
  for (let before = 0; before <= 16; before++) {
    const writer = new ByteWriter(16);
    writer.raw(Buffer.alloc(before, 1));
    write(writer);
    expect(writer.bytes().subarray(before)).toEqual(expected);
    expect(writer.bytes().subarray(0, before)).toEqual(Buffer.alloc(before, 1));
  }
});

test('numbers are read as they were written', () => {
  const bytes = new ByteWriter(1)
    .int16(-2)
    .int32(3)
    .bigint64(-4n)
    .int64(2 ** 40)
    .bytes();
  const reader = new ByteReader(bytes);
  expect([reader.int16(), reader.int32(), reader.bigint64(), reader.int64()]).toEqual([
    -2,
    3,
    -4n,
    2 ** 40,
  ]);
});
