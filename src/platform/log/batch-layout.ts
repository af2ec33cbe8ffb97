/** Where the fields of a record batch are, from its first byte. @see Apache Kafka documentation, "Message format" */
export const batchLayout = {
  baseOffset: 0,
  length: 8,
  /** `length` counts from here. */
  afterLength: 12,
  magic: 16,
  crc: 17,
  /** The checksum covers all from here. */
  attributes: 21,
  lastOffsetDelta: 23,
  baseTime: 27,
  maxTime: 35,
  producerId: 43,
  count: 57,
  records: 61,
} as const;

export const MAGIC = 2;

// Bits of `attributes`.
export const COMPRESSION = 0x07;
export const LOG_APPEND_TIME = 0x08;
export const TRANSACTIONAL = 0x10;
export const CONTROL = 0x20;
