import type { AnyBinlogEvent, BinlogEventByTypeName, RowData, UpdateRowData } from '@vlasky/zongji';
import type { RowImage } from '../contracts/change-event.ts';
import { AppError } from '../platform/errors.ts';
import type { BinlogPoint } from './binlog-point.ts';
import { FileTime } from './file-time.ts';
import { capturedTables } from './captured-tables.ts';
import { GtidPosition } from './gtid-position.ts';
import type { Boundary, SourceChange, SourceItem } from './source.ts';
import { allPresent, sameNames } from './rows-event.ts';
import type { RowsEvent } from './rows-event.ts';
import { layoutOf } from './table-layout.ts';
import type { TableLayout } from './table-layout.ts';

type TableMapEvent = BinlogEventByTypeName<'TableMap'>;
type QueryEvent = BinlogEventByTypeName<'Query'>;
type RowsOp = 'c' | 'u' | 'd';
/** About what a decoded row takes in memory beside its bytes. */
const heldBytes = 700;
interface OpenTransaction {
  readonly gtid: string | null;
  readonly serverId: number;
  /** A group of one event without a commit: DDL and the like. */
  readonly standalone: boolean;
  readonly prepared: boolean;
  changes: SourceChange[];
  bytes: number;
  handedOver: boolean;
  lastPos: number;
}

export interface AssemblerOptions {
  readonly cloudSchema: string;
  readonly start: BinlogPoint;
  readonly gtid: string | null;
  /** When that file was made, if it is known: one of the same name that was made later is another one. */
  readonly fileMs?: number | null;
  /** `start` is another server's: no place is known until the first new transaction or heartbeat. */
  readonly byGtid: boolean;
  /** A transaction above this many bytes is handed over in parts. */
  readonly partBytes: number;
  /** Bytes that every event has beside its body: header, and checksum if the server writes one. */
  readonly frameBytes: () => number;
}

/**
 * Puts binlog events together to source transactions: the one place that knows in which order a
 * MariaDB server writes them. No I/O; `emit` is called synchronously.
 *
 * @throws TAIL_UNDECODABLE, SOURCE_SCHEMA_MISMATCH from `take`, before anything of that transaction's end is emitted.
 */
export class TransactionAssembler {
  readonly #options: AssemblerOptions;
  readonly #emit: (item: SourceItem, bytes: number) => void;
  readonly #layouts = new Map<number, { layout: TableLayout; names: readonly string[] }>();
  readonly #gtids: GtidPosition;
  #at: BinlogPoint;
  #placed: boolean;
  #open: OpenTransaction | null = null;
  readonly #fileTime: FileTime;

  constructor(options: AssemblerOptions, emit: (item: SourceItem, bytes: number) => void) {
    this.#options = options;
    this.#emit = emit;
    this.#at = options.start;
    this.#placed = !options.byGtid;
    this.#fileTime = new FileTime(options.byGtid ? null : (options.fileMs ?? null));
    this.#gtids = new GtidPosition(options.gtid);
  }

  /** Where reading is: the end of the last whole transaction or idle event. */
  get at(): BinlogPoint {
    return this.#at;
  }

  take(event: AnyBinlogEvent): void {
    const name: string = event.getTypeName();
    switch (name) {
      case 'TableMap':
        return this.#tableMap(event as TableMapEvent);
      case 'WriteRows':
        return this.#rows(event as unknown as RowsEvent, 'c');
      case 'UpdateRows':
        return this.#rows(event as unknown as RowsEvent, 'u');
      case 'DeleteRows':
        return this.#rows(event as unknown as RowsEvent, 'd');
      case 'Xid':
        return this.#commit(event);
      case 'Query':
        return this.#query(event as QueryEvent);
      case 'MariadbGtid': {
        const { gtid, serverId, standalone, preparedXa } =
          event as BinlogEventByTypeName<'MariadbGtid'>;
        return this.#begin(gtid, serverId, standalone, preparedXa, event.nextPosition);
      }
      case 'XaPrepare':
        if ((this.#open?.changes.length ?? 0) > 0)
          throw this.#undecodable('an XA transaction changed a captured table', event);
        return this.#end(event);
      case 'Rotate': {
        const { binlogName, position } = event as BinlogEventByTypeName<'Rotate'>;
        if (binlogName !== this.#at.file) this.#fileTime.rotate();
        return this.#passed({ file: binlogName, pos: position });
      }
      case 'Heartbeat': {
        const { binlogName, position, nextPosition } = event as BinlogEventByTypeName<'Heartbeat'>;
        const pos = nextPosition > 0 ? nextPosition : Number(position ?? 0);
        this.#placed = true;
        if (!this.#open && pos > 0) this.#passed({ file: binlogName, pos });
        return;
      }
      case 'Format':
        // Every file begins with one; table ids start again when the server has restarted in between.
        this.#layouts.clear();
        this.#fileTime.format(event.timestamp, this.#at);
        if (this.#placed && !this.#open) this.#pass();
        return;
      default:
        if (!this.#open && event.nextPosition > this.#at.pos)
          this.#passed({ file: this.#at.file, pos: event.nextPosition });
    }
  }

  #begin(gtid: string, serverId: number, standalone: boolean, prepared: boolean, pos: number) {
    this.#drop();
    this.#placed = true;
    this.#open = {
      gtid,
      serverId,
      standalone,
      prepared,
      changes: [],
      bytes: 0,
      handedOver: false,
      lastPos: pos,
    };
  }

  #tableMap(event: TableMapEvent): void {
    const { tableId, schemaName, tableName } = event;
    const table = capturedTables.find((each) => each.name === tableName);
    if (!table || schemaName !== this.#options.cloudSchema) return;
    if (!event.hasSelfDescribingMetadata())
      throw this.#undecodable(
        'binlog_row_metadata was not FULL when the change was written',
        event,
        {
          table: `${schemaName}.${tableName}`,
          fix: "SET GLOBAL binlog_row_metadata = 'FULL'",
        },
      );
    const names = event.columnNames!;
    const known = this.#layouts.get(tableId);
    if (known && known.layout.table === table && sameNames(known.names, names)) return;
    const schemas = event.tableMap[tableId]?.columnSchemas ?? [];
    const found = schemas.map((each) => ({ name: each.COLUMN_NAME, type: each.COLUMN_TYPE }));
    if (
      !sameNames(
        names,
        found.map((each) => each.name),
      )
    )
      throw this.#undecodable(
        'the columns in the binlog are not those it was decoded with',
        event,
        {
          table: `${schemaName}.${tableName}`,
        },
      );
    this.#layouts.set(tableId, { layout: layoutOf(schemaName, table, found), names });
  }

  #rows(event: RowsEvent, op: RowsOp): void {
    const known = this.#layouts.get(event.tableId);
    const txn = this.#open;
    if (!known || !txn)
      throw this.#undecodable('rows without the description of their table', event);
    const { layout, names } = known;
    if (event.numberOfColumns !== names.length)
      throw this.#undecodable('rows have another number of columns than their table', event);
    if (
      !allPresent(event.columns_present_bitmap, names.length) ||
      (event.columns_present_bitmap2 && !allPresent(event.columns_present_bitmap2, names.length))
    )
      throw this.#undecodable('a row image is not complete', event, {
        table: `${layout.db}.${layout.table.name}`,
        fix: "SET GLOBAL binlog_row_image = 'FULL', and the same for the session that wrote it",
      });
    // Servers that write no positions inside a transaction: the last known one, as Debezium does.
    if (event.nextPosition > 0)
      txn.lastPos = event.nextPosition - event.size - this.#options.frameBytes();
    const { only } = layout.table;
    for (let row = 0; row < event.rows.length; row++) {
      const image = event.rows[row]!;
      const before = op === 'u' ? (image as UpdateRowData).before : op === 'd' ? image : null;
      const after = op === 'u' ? (image as UpdateRowData).after : op === 'c' ? image : null;
      if (only && !only.values.has(String(((after ?? before) as RowData)[only.column]))) continue;
      txn.changes.push({
        db: layout.db,
        table: layout.table.name,
        layout,
        op,
        before: before as RowImage | null,
        after: after as RowImage | null,
        position: { gtid: txn.gtid, file: this.#at.file, pos: txn.lastPos, row },
        serverId: txn.serverId,
        commitMs: event.timestamp,
        eventMs: event.timestamp,
        snapshot: 'false',
      });
    }
    txn.bytes += event.size + event.rows.length * heldBytes;
    if (txn.bytes > this.#options.partBytes && txn.changes.length > 0 && !txn.prepared) {
      this.#emit({ kind: 'part', changes: txn.changes }, txn.bytes);
      Object.assign(txn, { changes: [], bytes: 0, handedOver: true });
    }
  }

  #query(event: QueryEvent): void {
    const txn = this.#open;
    const text = event.query;
    if (/^\s*commit\b/i.test(text)) return this.#commit(event);
    if (/^\s*rollback\s*$/i.test(text)) {
      this.#drop();
      return this.#end(event);
    }
    if (/^\s*rollback\s+to\b/i.test(text) && (txn?.handedOver || (txn?.changes.length ?? 0) > 0))
      throw this.#undecodable('a transaction with captured changes was rolled back in part', event);
    if (!txn || txn.standalone) return this.#end(event);
    if (this.#writesCaptured(event))
      throw this.#undecodable('a captured table was changed by a statement, not by rows', event, {
        fix: "SET GLOBAL binlog_format = 'ROW', and the same for the session that wrote it",
      });
  }

  #writesCaptured({ query, schema }: QueryEvent): boolean {
    const { cloudSchema } = this.#options;
    return (
      (schema === cloudSchema || query.includes(cloudSchema)) &&
      /^\s*(insert|update|delete|replace|load|with)\b/i.test(query) &&
      capturedTables.some(({ name }) => new RegExp(`\\b${name}\\b`, 'i').test(query))
    );
  }

  #commit(event: AnyBinlogEvent): void {
    const txn = this.#open;
    if (!txn || (txn.changes.length === 0 && !txn.handedOver)) return this.#end(event);
    const boundary = this.#close(event);
    const commitMs = event.timestamp;
    // Only now is the commit's own time known; until here the changes had that of their rows event.
    const changes = txn.changes.map((change) =>
      change.commitMs === commitMs ? change : { ...change, commitMs },
    );
    this.#emit({ kind: 'commit', changes, boundary, commitMs }, txn.bytes);
  }

  #end(event: AnyBinlogEvent): void {
    this.#emit({ kind: 'passed', boundary: this.#close(event) }, 0);
  }

  // A transaction without an end: rolled back, or cut short by a crash of the server.
  #drop(): void {
    if (this.#open?.handedOver) this.#emit({ kind: 'rolled-back' }, 0);
    if (this.#open) Object.assign(this.#open, { changes: [], bytes: 0, handedOver: false });
  }

  #close(event: AnyBinlogEvent): Boundary {
    const gtid = this.#open?.gtid;
    this.#open = null;
    if (gtid) this.#gtids.add(gtid);
    if (event.nextPosition > 0) this.#at = { file: this.#at.file, pos: event.nextPosition };
    return this.#boundary();
  }

  #boundary(): Boundary {
    return { end: this.#at, gtid: this.#gtids.toString() || null, fileMs: this.#fileTime.madeMs };
  }

  #passed(at: BinlogPoint): void {
    this.#drop();
    this.#open = null;
    this.#at = at;
    if (this.#placed) this.#pass();
  }

  #pass(): void {
    this.#emit({ kind: 'passed', boundary: this.#boundary() }, 0);
  }

  #undecodable(reason: string, event: { nextPosition: number }, facts: object = {}): AppError {
    return new AppError('TAIL_UNDECODABLE', {
      reason,
      file: this.#at.file,
      pos: this.#at.pos,
      eventEnd: event.nextPosition,
      gtid: this.#open?.gtid ?? null,
      ...facts,
    });
  }
}
