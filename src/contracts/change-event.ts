import type { EpochMs } from './time.ts';

/** A column value as the source gave it: integers that may pass 2^53 as decimal text, dates as MySQL text. */
export type ColumnValue = string | number | bigint | boolean | Uint8Array | null;

/** Row images by column name, in table order. */
export type RowImage = Readonly<Record<string, ColumnValue>>;

/** Debezium's op codes: create, update, delete, read (snapshot). */
export type ChangeOp = 'c' | 'u' | 'd' | 'r';

export type SnapshotMarker =
  | 'first'
  | 'first_in_data_collection'
  | 'true'
  | 'last_in_data_collection'
  | 'last'
  | 'incremental'
  | 'false';

/** Where a row change stands in the binlog. `pos` is the start of its rows event. */
export interface ChangePosition {
  readonly gtid: string | null;
  readonly file: string;
  readonly pos: number;
  readonly row: number;
}

/** One committed row change of one captured table. */
export interface ChangeEvent {
  readonly db: string;
  readonly table: string;
  readonly op: ChangeOp;
  readonly before: RowImage | null;
  readonly after: RowImage | null;
  readonly position: ChangePosition;
  readonly serverId: number;
  /** Commit time by the event header (MariaDB: whole seconds); for snapshot rows the snapshot's time. */
  readonly commitMs: EpochMs;
  readonly snapshot: SnapshotMarker;
}
