import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import {
  batchLayout as layout,
  COMPRESSION,
  CONTROL,
  LOG_APPEND_TIME,
  MAGIC,
  TRANSACTIONAL,
} from './batch-layout.ts';
import { ByteReader, int64At } from './bytes.ts';
import { crc32c } from './crc32c.ts';
import type { LogRecord } from './log.ts';

/** The type in the key of a marker that ends an aborted transaction; 1 is a commit. */
const ABORT_MARKER = 0;

export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: number;
}

/**
 * The committed records from an offset on, out of the batches of one fetch.
 *
 * @param aborted As the broker lists them for these batches, in any order.
 * @returns where to go on; `from` itself when there is no whole batch.
 * @throws Error for a checksum, format or compression that cannot be read.
 */
export function decodeCommitted(
  bytes: Buffer,
  aborted: readonly AbortedTransaction[],
  from: number,
): { records: LogRecord[]; nextOffset: number } {
  const toCome = aborted.toSorted((a, b) => b.firstOffset - a.firstOffset);
  const open = new Set<bigint>();
  const records: LogRecord[] = [];
  let nextOffset = from;
  // The last batch may be cut off by the size asked for.
  for (let at = 0, end = 0; at + layout.records <= bytes.length; at = end) {
    end = at + layout.afterLength + bytes.readInt32BE(at + layout.length);
    if (end > bytes.length) break;
    const lastOffset = checkBatch(bytes, at, end);
    while (toCome.length > 0 && toCome.at(-1)!.firstOffset <= lastOffset) {
      open.add(toCome.pop()!.producerId);
    }
    const attributes = bytes.readInt16BE(at + layout.attributes);
    const producerId = bytes.readBigInt64BE(at + layout.producerId);
    if (attributes & CONTROL) {
      if (markerType(bytes, at) === ABORT_MARKER) open.delete(producerId);
    } else if (!(attributes & TRANSACTIONAL && open.has(producerId))) {
      decodeRecords(bytes, at, end, from, records);
    }
    nextOffset = Math.max(nextOffset, lastOffset + 1);
  }
  return { records, nextOffset };
}

/** @returns the last offset of the batch, which may have had records that compaction took. */
function checkBatch(bytes: Buffer, at: number, end: number): number {
  const baseOffset = int64At(bytes, at);
  const magic = bytes.readInt8(at + layout.magic);
  if (magic !== MAGIC) throw new Error(`records of format ${magic} at offset ${baseOffset}`);
  if (crc32c(bytes, at + layout.attributes, end) !== bytes.readInt32BE(at + layout.crc)) {
    throw new Error(`checksum is wrong at offset ${baseOffset}`);
  }
  return baseOffset + bytes.readInt32BE(at + layout.lastOffsetDelta);
}

/** The key of a marker is its version and its type. */
function markerType(bytes: Buffer, at: number): number | undefined {
  if (bytes.readInt32BE(at + layout.count) === 0) return undefined;
  const reader = new ByteReader(bytes, at + layout.records);
  reader.varint();
  reader.at += 1;
  reader.varint();
  reader.varint();
  return reader.varintBytes()?.readInt16BE(2);
}

const noHeaders: LogRecord['headers'] = Object.freeze({});

function decodeRecords(bytes: Buffer, at: number, end: number, from: number, into: LogRecord[]) {
  const baseOffset = int64At(bytes, at);
  const attributes = bytes.readInt16BE(at + layout.attributes);
  const appendTime = attributes & LOG_APPEND_TIME ? int64At(bytes, at + layout.maxTime) : undefined;
  const baseTime = int64At(bytes, at + layout.baseTime);
  const count = bytes.readInt32BE(at + layout.count);
  const body = bytes.subarray(at + layout.records, end);
  const reader = new ByteReader(decompress(body, attributes & COMPRESSION));
  for (let i = 0; i < count; i++) {
    const length = reader.varint();
    const next = reader.at + length;
    reader.at += 1; // attributes of a record have no use yet
    const timestampMs = appendTime ?? baseTime + reader.varint();
    if (appendTime !== undefined) reader.varint();
    const offset = baseOffset + reader.varint();
    if (offset >= from) {
      const key = reader.varintBytes();
      const value = reader.varintBytes();
      into.push({ offset, key, value, timestampMs, headers: decodeHeaders(reader) });
    }
    reader.at = next;
  }
}

function decodeHeaders(reader: ByteReader): LogRecord['headers'] {
  const count = reader.varint();
  if (count === 0) return noHeaders;
  const headers: Record<string, string> = {};
  for (let i = 0; i < count; i++) {
    const name = reader.varintBytes()?.toString() ?? '';
    headers[name] = reader.varintBytes()?.toString() ?? '';
  }
  return headers;
}

function decompress(body: Buffer, codec: number): Buffer {
  if (codec === 0) return body;
  if (codec === 1) return gunzipSync(body);
  if (codec === 4) return zstdDecompressSync(body);
  throw new Error(`records are compressed with codec ${codec}; gzip and zstd can be read`);
}
