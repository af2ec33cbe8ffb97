const POLYNOMIAL = 0x82f63b78; // Castagnoli, reversed
const LANES = 8;

const tables = makeTables();

/** CRC-32C of a part of a buffer, as a signed 32-bit number. @see RFC 3720, appendix B.4 */
export function crc32c(bytes: Uint8Array, from: number, to: number): number {
  let crc = -1;
  let at = from;
  // Eight bytes a round over eight tables: several times faster than byte by byte.
  for (; at + LANES <= to; at += LANES) {
    crc =
      tables[1792 + ((crc ^ bytes[at]!) & 0xff)]! ^
      tables[1536 + (((crc >>> 8) ^ bytes[at + 1]!) & 0xff)]! ^
      tables[1280 + (((crc >>> 16) ^ bytes[at + 2]!) & 0xff)]! ^
      tables[1024 + ((crc >>> 24) ^ bytes[at + 3]!)]! ^
      tables[768 + bytes[at + 4]!]! ^
      tables[512 + bytes[at + 5]!]! ^
      tables[256 + bytes[at + 6]!]! ^
      tables[bytes[at + 7]!]!;
  }
  for (; at < to; at++) crc = tables[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8);
  return ~crc;
}

function makeTables(): Int32Array {
  const made = new Int32Array(256 * LANES);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    made[byte] = crc;
  }
  for (let at = 256; at < made.length; at++) {
    const before = made[at - 256]!;
    made[at] = made[before & 0xff]! ^ (before >>> 8);
  }
  return made;
}
