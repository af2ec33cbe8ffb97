import type { ChangeEvent } from '../contracts/change-event.ts';
import type { EpochMs } from '../contracts/time.ts';
import type { BinlogPoint } from './binlog-point.ts';
import type { AdoptedPlace, LastXid } from './position.ts';
import type { TableLayout } from './table-layout.ts';

/** A row change with what its encoders need beside the contract. */
export interface SourceChange extends ChangeEvent {
  readonly layout: TableLayout;
  /** Time in the header of the rows event itself, which Debezium shows; never later than the commit. */
  readonly eventMs: EpochMs;
  /** MySQL with GTIDs: the same as the server that committed it first says it, epoch µs. */
  readonly eventUs?: number | null;
  /** MySQL: id of the connection that made the change. */
  readonly thread?: number | null;
}

/** The end of a source transaction: the only places from which reading may start again. */
export interface Boundary {
  readonly end: BinlogPoint;
  /** Last transaction of each GTID domain up to here; null where the source has no GTIDs. */
  readonly gtid: string | null;
  /** Where reading goes on when the source is a Debezium's topics; end and gtid are then for people. */
  readonly adopted?: AdoptedPlace;
  /** When the server made the file of `end`, as its first event says, epoch ms; null or absent: not known. */
  readonly fileMs?: EpochMs | null;
  /** The last commit before `end` in its file; null or absent: not known. */
  readonly lastXid?: LastXid | null;
}

/**
 * What a source hands over, in commit order. Changes of one transaction are either whole in its
 * `commit` or, when they are too large to be held, in `part`s that come before it.
 */
export type SourceItem =
  | { readonly kind: 'part'; readonly changes: readonly SourceChange[] }
  /** The transaction whose parts came before was never committed. */
  | { readonly kind: 'rolled-back' }
  | {
      readonly kind: 'commit';
      readonly changes: readonly SourceChange[];
      readonly boundary: Boundary;
      /** Time in the commit event's header; null when it says nothing about when the rows came. */
      readonly commitMs: EpochMs | null;
    }
  /** Nothing of ours was committed up to here. */
  | {
      readonly kind: 'passed';
      readonly boundary: Boundary;
      /** Where the source itself knows it: all that committed before has been handed over. */
      readonly watermarkMs?: EpochMs;
    };

/** The port to what is followed: a server's binlog (binlog.ts) or a Debezium's topics (adopt-source.ts). */
export interface ChangeSource extends AsyncDisposable {
  /**
   * What has been read since the last call: at once if there is anything, else after at most `waitMs`.
   * What was read before a fault is handed over first.
   *
   * @throws SOURCE_UNREACHABLE the connection was lost; TAIL_POSITION_PURGED the place is gone;
   *   TAIL_UNDECODABLE, SOURCE_SCHEMA_MISMATCH the next change cannot be read.
   */
  take(waitMs: number): Promise<readonly SourceItem[]>;
  /** Bytes read and not yet taken: more than nothing means a backlog. */
  readonly queuedBytes: number;
  /** There is nothing more: for a source whose end cannot be told by its place in the binlog. */
  readonly ended?: boolean;
}
