/** What a packet of the binlog stream says before its body; all offsets are within the packet. */
export interface EventHeader {
  readonly type: number;
  readonly serverId: number;
  /** Bytes of the event with this header, and with its checksum if there is one. */
  readonly length: number;
  /** Lower four bytes of where the next event begins; 0 where the server does not say. */
  readonly nextPosition: number;
  /** Made for this reader: the file does not have it. */
  readonly isArtificial: boolean;
  /** Where the body begins. */
  readonly body: number;
}

/** Bytes of the header of an event. @see https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_replication_binlog_event.html */
export const headerBytes = 19;

/** @param at Of the header: in a packet one byte after its start. */
export const readHeader = (bytes: Buffer, at: number): EventHeader => ({
  type: bytes[at + 4]!,
  serverId: bytes.readUInt32LE(at + 5),
  length: bytes.readUInt32LE(at + 9),
  nextPosition: bytes.readUInt32LE(at + 13),
  isArtificial: (bytes[at + 17]! & 0x20) !== 0,
  body: at + headerBytes,
});

/** Types of events that are looked at before the library sees them. */
export const eventType = {
  query: 2,
  rotate: 4,
  xid: 16,
  executeLoadQuery: 18,
  tableMap: 19,
  incident: 26,
  heartbeat: 27,
  gtid: 33,
  anonymousGtid: 34,
  xaPrepare: 38,
  partialUpdateRows: 39,
  transactionPayload: 40,
  longHeartbeat: 41,
  taggedGtid: 42,
  mariadbGtid: 162,
} as const;
