import { eventType } from './event-header.ts';
import type { EventHeader } from './event-header.ts';

const turn = 2 ** 32;
const silent: ReadonlySet<number> = new Set([eventType.heartbeat, eventType.longHeartbeat]);
const begins: ReadonlySet<number> = new Set([
  eventType.gtid,
  eventType.anonymousGtid,
  eventType.taggedGtid,
  eventType.mariadbGtid,
]);

/** The lowest place from `from` on that four bytes write like this. */
export const unwrapPosition = (position: number, from: number): number =>
  position >= from ? position : position + turn * Math.ceil((from - position) / turn);

/**
 * How far into its file the stream of events has come, although a header has only four bytes for it and
 * MariaDB leaves it out within a transaction: then the lengths of the events count. They fall short where the
 * server keeps events to itself (the text of statements), which does no harm below 4 GiB of them.
 */
export class FileReach {
  #end = 0;
  #counts = false;

  /** Bytes from the start of the file to the end of the last event. */
  get end(): number {
    return this.#end;
  }

  /** Each event once, in order, whomever it concerns; of a compressed transaction only the whole. */
  pass(header: EventHeader, body: Buffer): void {
    const { type, nextPosition, length, isArtificial } = header;
    if (type === eventType.rotate) {
      // The real one at the end of a file, and the one that is made up for each reader.
      this.#end = Number(body.readBigUInt64LE(0));
      this.#counts = false;
      return;
    }
    if (silent.has(type) || isArtificial) return;
    if (nextPosition > 0) this.#end = unwrapPosition(nextPosition, this.#end);
    // What a reader gets at its beginning has no place either, and is not there in the file.
    else if (this.#counts) this.#end += length;
    this.#counts = begins.has(type) || (this.#counts && nextPosition === 0);
  }
}
