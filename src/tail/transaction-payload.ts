import { createZstdDecompress, zstdDecompressSync } from 'node:zlib';
import { AppError } from '../platform/errors.ts';
import { eventType, headerBytes, readHeader } from './event-header.ts';

/** Largest event inside, bytes: what a server can send in one packet. */
const maxEventBytes = 1024 ** 3;
/** Up to this size, unpacked, a transaction is unpacked at once: most are small. */
const smallBytes = 1024 ** 2;
/** About what is unpacked of a larger one at a time. */
const pieceBytes = 64 * 1024;
const field = { end: 0, size: 1, compression: 2, unpackedSize: 3 } as const;
const compression = { zstd: 0, none: 255 } as const;

/** A MySQL transaction that was written as one compressed event (`binlog_transaction_compression`). */
export interface TransactionPayload {
  readonly isCompressed: boolean;
  readonly bytes: Buffer;
  /** Small enough to be unpacked in one piece. */
  readonly isSmall: boolean;
}

/** Where a compressed event begins and ends in its file. */
export interface PayloadPlace {
  readonly start: number;
  readonly end: number;
}

/**
 * @param body Of the compressed event, without header and checksum.
 * @throws TAIL_UNDECODABLE when it cannot be unpacked.
 * @see https://dev.mysql.com/doc/dev/mysql-server/latest/classmysql_1_1binlog_1_1event_1_1Transaction__payload__event.html
 */
export function readPayload(body: Buffer): TransactionPayload {
  let at = 0;
  const next = (): number => {
    const first = body[at++] ?? 0;
    const width = first < 251 ? 0 : first === 252 ? 2 : first === 253 ? 3 : 8;
    if (width === 0) return first;
    if (at + width > body.length) throw broken('its description is cut short');
    const value = width === 8 ? Number(body.readBigUInt64LE(at)) : body.readUIntLE(at, width);
    at += width;
    return value;
  };
  let method: number = compression.none;
  let size = body.length;
  let unpackedSize = Infinity;
  for (let kind = next(); kind !== field.end; kind = next()) {
    const length = next();
    const after = at + length;
    if (after > body.length) throw broken('its description is cut short');
    if (kind === field.size) size = next();
    if (kind === field.compression) method = next();
    if (kind === field.unpackedSize) unpackedSize = next();
    at = after;
  }
  const isCompressed = method === compression.zstd;
  if (!isCompressed && method !== compression.none)
    throw broken(`compressed by an unknown method, ${method}`);
  const bytes = body.subarray(at, at + size);
  const largest = isCompressed ? unpackedSize : bytes.length;
  return { isCompressed, bytes, isSmall: largest <= smallBytes };
}

/**
 * The events of such a transaction, each as the packet that an uncompressed binlog would have sent: with the
 * byte before the header, and with room for a checksum where the reader expects one.
 *
 * Positions inside are made up, one byte apart from the start of the compressed event, so that they
 * are different and in order; the commit has the end of the compressed event.
 *
 * @throws TAIL_UNDECODABLE when it cannot be unpacked.
 */
export function unpackSmall(
  payload: TransactionPayload,
  at: PayloadPlace,
  checksumBytes: number,
): readonly Buffer[] {
  const events = new InnerEvents(at, checksumBytes);
  return [...events.add(unpackAtOnce(payload)), ...events.end()];
}

/** The same of a transaction of any size, in parts, of which one is in memory at a time. */
export async function* unpackLarge(
  payload: TransactionPayload,
  at: PayloadPlace,
  checksumBytes: number,
): AsyncGenerator<readonly Buffer[]> {
  const events = new InnerEvents(at, checksumBytes);
  for await (const piece of pieces(payload)) yield events.add(piece);
  yield events.end();
}

function unpackAtOnce({ isCompressed, bytes }: TransactionPayload): Buffer {
  if (!isCompressed) return bytes;
  try {
    return zstdDecompressSync(bytes, { maxOutputLength: smallBytes });
  } catch (cause) {
    throw unreadable(cause);
  }
}

async function* pieces({ isCompressed, bytes }: TransactionPayload): AsyncGenerator<Buffer> {
  if (!isCompressed) {
    for (let from = 0; from < bytes.length; from += pieceBytes)
      yield bytes.subarray(from, from + pieceBytes);
    return;
  }
  const stream = createZstdDecompress({ chunkSize: pieceBytes });
  try {
    stream.end(bytes);
    for await (const piece of stream) yield piece as Buffer;
  } catch (cause) {
    throw cause instanceof AppError ? cause : unreadable(cause);
  } finally {
    stream.destroy();
  }
}

/** Cuts what is unpacked into events. */
class InnerEvents {
  readonly #at: PayloadPlace;
  readonly #checksumBytes: number;
  #count = 0;
  /** The beginning of an event that has not come whole yet. */
  #begun: Buffer[] = [];
  #begunBytes = 0;
  #neededBytes = headerBytes;
  /** Kept back, because it may be the last one. */
  #kept: Buffer | null = null;

  constructor(at: PayloadPlace, checksumBytes: number) {
    this.#at = at;
    this.#checksumBytes = checksumBytes;
  }

  /** The events that are whole with this piece. */
  add(piece: Buffer): readonly Buffer[] {
    this.#begun.push(piece);
    this.#begunBytes += piece.length;
    if (this.#begunBytes < this.#neededBytes) return [];
    const bytes = this.#begun.length === 1 ? piece : Buffer.concat(this.#begun);
    const packets: Buffer[] = [];
    let from = 0;
    this.#neededBytes = headerBytes;
    while (bytes.length - from >= headerBytes) {
      const { length } = readHeader(bytes, from);
      if (length < headerBytes || length > maxEventBytes) throw broken('an event has no length');
      this.#neededBytes = length;
      if (bytes.length - from < length) break;
      if (this.#kept) packets.push(this.#kept);
      this.#kept = this.#packet(bytes.subarray(from, from + length));
      from += length;
      this.#neededBytes = headerBytes;
    }
    // A copy: what is left of a piece must not keep all of it.
    this.#begun = from < bytes.length ? [Buffer.from(bytes.subarray(from))] : [];
    this.#begunBytes = bytes.length - from;
    return packets;
  }

  /** The last event. */
  end(): readonly Buffer[] {
    if (this.#begunBytes > 0) throw broken('an event is cut short');
    if (this.#kept) this.#place(this.#kept, this.#at.end);
    return this.#kept ? [this.#kept] : [];
  }

  #packet(event: Buffer): Buffer {
    const { length, type } = readHeader(event, 0);
    const packet = Buffer.alloc(1 + length + this.#checksumBytes);
    event.copy(packet, 1);
    packet.writeUInt32LE(length + this.#checksumBytes, 1 + 9);
    const start = Math.min(this.#at.start + this.#count++, this.#at.end - 1);
    const ends = type === eventType.xid || type === eventType.xaPrepare;
    this.#place(packet, ends ? this.#at.end : start + length + this.#checksumBytes);
    return packet;
  }

  #place(packet: Buffer, position: number): void {
    packet.writeUInt32LE(position >>> 0, 1 + 13);
  }
}

const unreadable = (cause: unknown): AppError =>
  broken(cause instanceof Error ? cause.message : String(cause), cause);

const broken = (why: string, cause?: unknown): AppError =>
  new AppError(
    'TAIL_UNDECODABLE',
    {
      reason: `a compressed transaction cannot be unpacked: ${why}`,
      fix: 'SET GLOBAL binlog_transaction_compression = OFF',
    },
    cause,
  );
