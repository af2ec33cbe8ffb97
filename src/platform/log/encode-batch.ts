import { byteLength, varintSize } from './bytes.ts';
import type { ByteWriter } from './bytes.ts';
import { crc32c } from './crc32c.ts';
import type { OutRecord } from './log.ts';
import { batchLayout as at, MAGIC, TRANSACTIONAL } from './batch-layout.ts';

export interface BatchOwner {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly firstSequence: number;
}

/** Upper bound of the bytes that a record takes in a batch. */
export function recordSize(record: OutRecord): number {
  let size = 24;
  if (record.key !== null) size += byteLength(record.key);
  if (record.value !== null) size += byteLength(record.value);
  if (record.headers) {
    for (const [name, value] of Object.entries(record.headers)) {
      size += 10 + Buffer.byteLength(name) + Buffer.byteLength(value);
    }
  }
  return size;
}

/** Writes records as one transactional batch, not compressed. */
export function encodeBatch(
  out: ByteWriter,
  records: readonly OutRecord[],
  owner: BatchOwner,
  nowMs: number,
): void {
  const start = out.length;
  out.int64(0).int32(0).int32(-1).int8(MAGIC).int32(0).int16(TRANSACTIONAL);
  out
    .int32(records.length - 1)
    .int64(nowMs)
    .int64(nowMs);
  out.bigint64(owner.producerId).int16(owner.producerEpoch).int32(owner.firstSequence);
  out.int32(records.length);
  for (let i = 0; i < records.length; i++) encodeRecord(out, records[i]!, i);
  out.patchInt32(start + at.length, out.length - start - at.afterLength);
  out.patchInt32(start + at.crc, crc32c(out.bytes(), start + at.attributes, out.length));
}

function encodeRecord(out: ByteWriter, { key, value, headers }: OutRecord, index: number): void {
  const list = headers ? Object.entries(headers) : [];
  let size = 2 + varintSize(index) + sizedLength(key) + sizedLength(value);
  size += varintSize(list.length);
  for (const [name, text] of list) size += sizedLength(name) + sizedLength(text);
  // Attributes and the difference to the base time are 0.
  out.varint(size).int8(0).varint(0).varint(index);
  out.varintBytes(key).varintBytes(value).varint(list.length);
  for (const [name, text] of list) out.varintBytes(name).varintBytes(text);
}

function sizedLength(value: string | Buffer | null): number {
  if (value === null) return 1;
  const length = byteLength(value);
  return varintSize(length) + length;
}
