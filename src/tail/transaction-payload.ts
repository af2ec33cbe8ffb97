import { zstdDecompressSync } from 'node:zlib';
import { AppError } from '../platform/errors.ts';
import { eventType, headerBytes, readHeader } from './event-header.ts';

/** Largest compressed transaction that is unpacked, bytes: it is held in memory whole. */
const maxBytes = 1024 ** 3;
const part = { end: 0, size: 1, compression: 2 } as const;
const compression = { zstd: 0, none: 255 } as const;

/**
 * The events of a MySQL transaction that was written as one compressed event
 * (`binlog_transaction_compression`), each as the packet that an uncompressed binlog would have sent: with the
 * byte before the header, and with room for a checksum where the reader expects one.
 *
 * Positions inside are made up, one byte apart from the start of the compressed event, so that they
 * are different and in order; the commit has the end of the compressed event.
 *
 * @param body Of the compressed event, without header and checksum.
 * @param at Where the compressed event begins and ends in its file.
 * @throws TAIL_UNDECODABLE when it cannot be unpacked.
 */
export function* unpackTransaction(
  body: Buffer,
  at: { readonly start: number; readonly end: number },
  checksumBytes: number,
): Generator<Buffer> {
  const bytes = unpack(body);
  let index = 0;
  for (let from = 0; from < bytes.length; index++) {
    const { length, type } = readHeader(bytes, from);
    if (length < headerBytes || from + length > bytes.length) throw broken('an event is cut short');
    const packet = Buffer.alloc(1 + length + checksumBytes);
    bytes.copy(packet, 1, from, from + length);
    packet.writeUInt32LE(length + checksumBytes, 1 + 9);
    const start = Math.min(at.start + index, at.end - 1);
    const ends =
      type === eventType.xid || type === eventType.xaPrepare || from + length === bytes.length;
    packet.writeUInt32LE((ends ? at.end : start + length + checksumBytes) >>> 0, 1 + 13);
    yield packet;
    from += length;
  }
}

function unpack(body: Buffer): Buffer {
  let at = 0;
  const next = (): number => {
    const first = body[at++] ?? 0;
    const width = first < 251 ? 0 : first === 252 ? 2 : first === 253 ? 3 : 8;
    if (width === 0) return first;
    const value = width === 8 ? Number(body.readBigUInt64LE(at)) : body.readUIntLE(at, width);
    at += width;
    return value;
  };
  let method: number = compression.none;
  let size = body.length;
  for (let kind = next(); kind !== part.end; kind = next()) {
    const length = next();
    const after = at + length;
    if (after > body.length) throw broken('its description is cut short');
    if (kind === part.size) size = next();
    if (kind === part.compression) method = next();
    at = after;
  }
  const payload = body.subarray(at, at + size);
  if (method === compression.none) return payload;
  if (method !== compression.zstd) throw broken(`compressed by an unknown method, ${method}`);
  try {
    return zstdDecompressSync(payload, { maxOutputLength: maxBytes });
  } catch (cause) {
    throw broken(cause instanceof Error ? cause.message : String(cause), cause);
  }
}

const broken = (why: string, cause?: unknown): AppError =>
  new AppError(
    'TAIL_UNDECODABLE',
    {
      reason: `a compressed transaction cannot be unpacked: ${why}`,
      fix: 'SET GLOBAL binlog_transaction_compression = OFF',
    },
    cause,
  );
