/** Writes Kafka's wire types into one growing buffer. Integers are big-endian. */
export class ByteWriter {
  #buffer: Buffer;
  #at = 0;

  constructor(capacity = 256) {
    this.#buffer = Buffer.allocUnsafe(capacity);
  }

  get length(): number {
    return this.#at;
  }

  /** What was written so far, not a copy. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }

  int8(value: number): this {
    const at = this.#take(1);
    this.#buffer.writeInt8(value, at);
    return this;
  }

  int16(value: number): this {
    const at = this.#take(2);
    this.#buffer.writeInt16BE(value, at);
    return this;
  }

  int32(value: number): this {
    const at = this.#take(4);
    this.#buffer.writeInt32BE(value, at);
    return this;
  }

  /** A safe integer. */
  int64(value: number): this {
    const at = this.#take(8);
    this.#buffer.writeInt32BE(Math.floor(value / 2 ** 32), at);
    this.#buffer.writeUInt32BE(value >>> 0, at + 4);
    return this;
  }

  bigint64(value: bigint): this {
    const at = this.#take(8);
    this.#buffer.writeBigInt64BE(value, at);
    return this;
  }

  string(value: string): this {
    this.int16(Buffer.byteLength(value));
    return this.raw(value);
  }

  /** Zigzag, 32 bits. */
  varint(value: number): this {
    return this.uvarint(((value << 1) ^ (value >> 31)) >>> 0);
  }

  uvarint(value: number): this {
    let rest = value;
    this.#reserve(5);
    while (rest > 0x7f) {
      this.#buffer[this.#at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#buffer[this.#at++] = rest;
    return this;
  }

  /** Its length as a varint, -1 for null, and the bytes. */
  varintBytes(value: string | Buffer | null): this {
    if (value === null) return this.varint(-1);
    this.varint(byteLength(value));
    return this.raw(value);
  }

  raw(value: string | Buffer): this {
    const length = byteLength(value);
    const at = this.#take(length);
    if (typeof value === 'string') this.#buffer.write(value, at, length, 'utf8');
    else value.copy(this.#buffer, at);
    return this;
  }

  /** Overwrites what was written before: for lengths and checksums. */
  patchInt32(at: number, value: number): void {
    this.#buffer.writeInt32BE(value | 0, at);
  }

  /** Called before the buffer is named: it may be another one afterwards. */
  #take(size: number): number {
    this.#reserve(size);
    const at = this.#at;
    this.#at += size;
    return at;
  }

  #reserve(size: number): void {
    if (this.#at + size <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + size));
    this.#buffer.copy(grown, 0, 0, this.#at);
    this.#buffer = grown;
  }
}

/** Reads them back; throws RangeError past the end. */
export class ByteReader {
  readonly buffer: Buffer;
  at: number;

  constructor(buffer: Buffer, at = 0) {
    this.buffer = buffer;
    this.at = at;
  }

  int16(): number {
    return this.buffer.readInt16BE((this.at += 2) - 2);
  }

  int32(): number {
    return this.buffer.readInt32BE((this.at += 4) - 4);
  }

  /** @throws Error above 2^53: such numbers are out of reach of this program. */
  int64(): number {
    return int64At(this.buffer, (this.at += 8) - 8);
  }

  bigint64(): bigint {
    return this.buffer.readBigInt64BE((this.at += 8) - 8);
  }

  string(): string {
    return this.bytes(this.int16()).toString('utf8');
  }

  array<T>(item: (reader: ByteReader) => T): T[] {
    return Array.from({ length: Math.max(0, this.int32()) }, () => item(this));
  }

  /** A view, not a copy. */
  bytes(length: number): Buffer {
    const end = this.at + Math.max(0, length);
    if (end > this.buffer.length) throw new RangeError('past the end of the answer');
    const view = this.buffer.subarray(this.at, end);
    this.at = end;
    return view;
  }

  /** Zigzag; exact for what fits into 2^53. */
  varint(): number {
    const value = this.uvarint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  uvarint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.buffer[this.at++];
      if (byte === undefined) throw new RangeError('past the end of the answer');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
  }

  varintBytes(): Buffer | null {
    const length = this.varint();
    return length < 0 ? null : this.bytes(length);
  }
}

export function int64At(buffer: Buffer, at: number): number {
  const value = buffer.readInt32BE(at) * 2 ** 32 + buffer.readUInt32BE(at + 4);
  if (!Number.isSafeInteger(value)) throw new Error('an offset or time is beyond 2^53');
  return value;
}

export const byteLength = (value: string | Buffer): number =>
  typeof value === 'string' ? Buffer.byteLength(value) : value.length;

/** Bytes of a zigzag varint of 32 bits. */
export function varintSize(value: number): number {
  const bits = 32 - Math.clz32(((value << 1) ^ (value >> 31)) >>> 0);
  return Math.max(1, Math.ceil(bits / 7));
}
