import type ZongJi from '@vlasky/zongji';
import { AppError } from '../platform/errors.ts';
import { capturedTable, capturedTables } from './captured-tables.ts';
import { eventType, readHeader } from './event-header.ts';
import type { EventHeader } from './event-header.ts';
import { FileReach } from './file-reach.ts';
import type { Flow } from './flow.ts';
import { gtidCommitUs } from './gtid-commit-time.ts';
import { readPayload, unpackLarge, unpackSmall } from './transaction-payload.ts';

/** What the library reads past, of the event that it is at. */
export interface PacketFacts {
  /** Of the server that wrote the event. */
  readonly serverId: number;
  /** MySQL: when the transaction of the last GTID event was committed at first, epoch µs. */
  readonly commitUs: number | null;
  /** The event was in a compressed transaction. */
  readonly unpacking: boolean;
  /** Where it ends in its file, beyond four bytes, too; within a compressed transaction where that begins. */
  readonly reached: number;
}

interface Packet {
  readonly buffer: Buffer;
  offset: number;
  readonly end: number;
  isEOF(): boolean;
  isError(): boolean;
}
type Reader = (this: unknown, packet: Packet, connection: unknown) => unknown;
type Hand = (
  this: unknown,
  packet: Packet,
  header: EventHeader,
  body: Buffer,
  connection: unknown,
) => unknown;
/** Parts of the library that are not declared. */
interface Insides {
  readonly BinlogClass: { readonly prototype: { binlogData: Reader } };
  readonly tableMap: Readonly<Record<number, object | undefined>>;
}

/**
 * Stands between the connection and the library: unpacks compressed transactions, and stops at the
 * events that the library would pass over although they may hold changes of captured tables.
 *
 * @param flow Held while a large transaction is unpacked, which goes no faster than there is room.
 * @param fail Told of what cannot be read; nothing after it is handed on.
 */
export function watchPackets(
  zongji: ZongJi,
  cloudSchema: string,
  flow: Flow,
  fail: (fault: unknown) => void,
): PacketFacts {
  const insides = zongji as unknown as Insides;
  const reach = new FileReach();
  const facts = { serverId: 0, commitUs: null as number | null, unpacking: false, reached: 0 };
  let failed = false;

  const look = (header: EventHeader, body: Buffer): void => {
    switch (header.type) {
      case eventType.gtid:
      case eventType.taggedGtid:
        facts.commitUs = gtidCommitUs(body, header.type === eventType.taggedGtid);
        return;
      case eventType.incident:
        throw undecodable('the server reports that changes are missing in its binlog (incident)');
      case eventType.executeLoadQuery:
        if (mentionsCaptured(body.toString('latin1')))
          throw undecodable('a captured table was loaded from a file by a statement, not by rows', {
            fix: "SET GLOBAL binlog_format = 'ROW', and the same for the session that wrote it",
          });
        return;
      case eventType.partialUpdateRows:
        if (insides.tableMap[body.readUIntLE(0, 6)])
          throw undecodable('a captured table was changed with binlog_row_value_options', {
            fix: "SET GLOBAL binlog_row_value_options = '', and the same for the session that wrote it",
          });
    }
  };

  const giveUp = (error: unknown): void => {
    failed = true;
    fail(error);
  };

  zongji.on('ready', () => {
    const { prototype } = insides.BinlogClass;
    const read = prototype.binlogData;
    const take: Reader = function (this: unknown, packet, connection) {
      if (failed) return prototype.binlogData;
      if (packet.isEOF() || packet.isError()) return read.call(this, packet, connection);
      try {
        const header = readHeader(packet.buffer, packet.offset + 1);
        const body = packet.buffer.subarray(header.body, packet.end - checksumBytes());
        if (header.type === eventType.transactionPayload) {
          unfold.call(this, header, body, connection);
          return prototype.binlogData;
        }
        pass(header, body);
        return hand.call(this, packet, header, body, connection);
      } catch (error) {
        giveUp(error);
        return prototype.binlogData;
      }
    };
    const hand: Hand = function (packet, header, body, connection) {
      facts.serverId = header.serverId;
      look(header, body);
      // Of another schema's table: the library would take it for a loss.
      if (header.type === eventType.partialUpdateRows) return prototype.binlogData;
      return read.call(this, packet, connection);
    };
    const handInner = function (this: unknown, packets: readonly Buffer[], connection: unknown) {
      for (const buffer of packets) {
        if (failed || flow.isClosed) return;
        const header = readHeader(buffer, 1);
        const body = buffer.subarray(header.body, buffer.length - checksumBytes());
        facts.unpacking = true;
        hand.call(this, packetOf(buffer), header, body, connection);
        facts.unpacking = false;
        if (header.type === eventType.tableMap) requireDescribed(buffer, header.body);
      }
    };
    const unfold = function (this: unknown, header: EventHeader, body: Buffer, to: unknown): void {
      const end = header.nextPosition;
      const at = { start: end - header.length, end };
      const payload = readPayload(body);
      if (payload.isSmall) {
        handInner.call(this, unpackSmall(payload, at, checksumBytes()), to);
        return pass(header, body);
      }
      flow.beginUnpacking();
      const unfoldLarge = async () => {
        for await (const packets of unpackLarge(payload, at, checksumBytes())) {
          handInner.call(this, packets, to);
          await flow.room();
          if (failed || flow.isClosed) return;
        }
        pass(header, body);
        flow.endUnpacking();
      };
      void unfoldLarge().catch(giveUp);
    };
    prototype.binlogData = take;
  });

  const checksumBytes = () => (zongji.useChecksum ? 4 : 0);
  const pass = (header: EventHeader, body: Buffer): void => {
    reach.pass(header, body);
    facts.reached = reach.end;
  };

  // The library would ask for the columns and pass over the rows that come meanwhile.
  const requireDescribed = (bytes: Buffer, body: number): void => {
    const schemaLength = bytes[body + 8]!;
    const schema = bytes.toString('utf8', body + 9, body + 9 + schemaLength);
    const tableAt = body + 9 + schemaLength + 1;
    const table = bytes.toString('utf8', tableAt + 1, tableAt + 1 + bytes[tableAt]!);
    if (schema !== cloudSchema || !capturedTable(table)) return;
    if (insides.tableMap[bytes.readUIntLE(body, 6)]) return;
    throw undecodable('binlog_row_metadata was not FULL when the change was written', {
      table: `${schema}.${table}`,
      fix: "SET GLOBAL binlog_row_metadata = 'FULL'",
    });
  };

  return facts;
}

const packetOf = (buffer: Buffer): Packet => ({
  buffer,
  offset: 0,
  end: buffer.length,
  isEOF: () => false,
  isError: () => false,
});

const mentionsCaptured = (text: string): boolean =>
  capturedTables.some(({ name }) => new RegExp(`\\b${name}\\b`, 'i').test(text));

const undecodable = (reason: string, facts: object = {}): AppError =>
  new AppError('TAIL_UNDECODABLE', { reason, ...facts });
