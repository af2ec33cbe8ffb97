import type { PacketFacts } from './binlog-packets.ts';
import type { BinlogPoint } from './binlog-point.ts';
import type { LastXid } from './position.ts';

export interface AssemblerOptions {
  readonly cloudSchema: string;
  readonly start: BinlogPoint;
  readonly gtid: string | null;
  /** When that file was made, if it is known: one of the same name that was made later is another one. */
  readonly fileMs?: number | null;
  /** The last commit before `start` in its file, if it is known. */
  readonly lastXid?: LastXid | null;
  /** `start` is another server's: no place is known until the first new transaction or heartbeat. */
  readonly byGtid: boolean;
  /** A transaction above this many bytes is handed over in parts. */
  readonly partBytes: number;
  /** Bytes that every event has beside its body: header, and checksum if the server writes one. */
  readonly frameBytes: () => number;
  /** What the packet of the event at hand says beside it; needed for MySQL. */
  readonly facts?: PacketFacts;
}
