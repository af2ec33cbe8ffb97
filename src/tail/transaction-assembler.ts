import type { AnyBinlogEvent, BinlogEventByTypeName } from '@vlasky/zongji';
import { AppError } from '../platform/errors.ts';
import type { AssemblerOptions } from './assembler-options.ts';
import type { BinlogPoint } from './binlog-point.ts';
import { BinlogTables } from './binlog-tables.ts';
import type { RowsEvent, TableMapEvent } from './binlog-tables.ts';
import { FileHistory } from './file-history.ts';
import { unwrapPosition } from './file-reach.ts';
import { addRows } from './row-changes.ts';
import type { RowsOp } from './row-changes.ts';
import { GtidPosition } from './gtid-position.ts';
import { MysqlGtidSet } from './mysql-gtid-set.ts';
import { openTransaction, rollBackTo } from './open-transaction.ts';
import type { OpenTransaction } from './open-transaction.ts';
import { PreparedTransactions } from './prepared-transactions.ts';
import type { Boundary, SourceItem } from './source.ts';
import { namesCaptured, parseStatement, xidKey } from './statement.ts';

type QueryEvent = BinlogEventByTypeName<'Query'>;
/** About what a decoded row takes in memory beside its bytes. */
const heldBytes = 700;
/** Bytes of changes of XA transactions that may wait for their end. */
const maxPreparedBytes = 64 * 1024 * 1024;

/**
 * Puts binlog events together to source transactions: the one place that knows in which order
 * MariaDB and MySQL write them. No I/O; `emit` is called synchronously.
 *
 * @throws TAIL_UNDECODABLE, SOURCE_SCHEMA_MISMATCH from `take`, before anything of that transaction's end is emitted.
 */
export class TransactionAssembler {
  readonly #options: AssemblerOptions;
  readonly #emit: (item: SourceItem, bytes: number) => void;
  readonly #tables: BinlogTables;
  #gtids: GtidPosition | MysqlGtidSet;
  readonly #prepared = new PreparedTransactions();
  #at: BinlogPoint;
  #placed: boolean;
  #open: OpenTransaction | null = null;
  readonly #file: FileHistory;

  constructor(options: AssemblerOptions, emit: (item: SourceItem, bytes: number) => void) {
    this.#options = options;
    this.#emit = emit;
    this.#tables = new BinlogTables(options.cloudSchema, this.#undecodable.bind(this));
    this.#at = options.start;
    this.#placed = !options.byGtid;
    this.#file = new FileHistory(options.byGtid ? {} : options);
    this.#gtids = options.gtid?.includes(':')
      ? new MysqlGtidSet(options.gtid)
      : new GtidPosition(options.gtid);
  }

  /** Where reading is: the end of the last whole transaction or idle event. */
  get at(): BinlogPoint {
    return this.#at;
  }

  take(event: AnyBinlogEvent): void {
    const name: string = event.getTypeName();
    switch (name) {
      case 'TableMap':
        return this.#tables.describe(event as TableMapEvent);
      case 'WriteRows':
        return this.#rows(event as unknown as RowsEvent, 'c');
      case 'UpdateRows':
        return this.#rows(event as unknown as RowsEvent, 'u');
      case 'DeleteRows':
        return this.#rows(event as unknown as RowsEvent, 'd');
      case 'Xid':
        this.#file.commit(
          String((event as BinlogEventByTypeName<'Xid'>).xid),
          this.#startOf(event),
        );
        return this.#commit(event);
      case 'Query':
        return this.#query(event as QueryEvent);
      case 'MariadbGtid': {
        const { gtid, serverId, standalone, preparedXa } =
          event as BinlogEventByTypeName<'MariadbGtid'>;
        return this.#begin(gtid, serverId, standalone, preparedXa, event.nextPosition);
      }
      case 'Gtid': {
        const { gtid } = event as BinlogEventByTypeName<'Gtid'>;
        // What follows tells whether it is one statement; an empty set says nothing of the flavour.
        if (!(this.#gtids instanceof MysqlGtidSet)) this.#gtids = new MysqlGtidSet('');
        const serverId = this.#options.facts?.serverId ?? 0;
        return this.#begin(gtid, serverId, true, false, event.nextPosition);
      }
      case 'AnonymousGtid':
        throw this.#undecodable('a transaction without a GTID', event, {
          fix: "SET GLOBAL gtid_mode = 'ON'",
        });
      case 'PreviousGtids': {
        const { gtidSet } = event as BinlogEventByTypeName<'PreviousGtids'>;
        const before = new MysqlGtidSet(gtidSet);
        // A file was read to its end: all of them have come, whether or not we saw their numbers.
        if (this.#gtids instanceof MysqlGtidSet && this.#placed) this.#gtids.addAll(before);
        return this.#pass(event);
      }
      case 'XaPrepare':
        return this.#prepare(event as BinlogEventByTypeName<'XaPrepare'>);
      case 'Rotate': {
        const { binlogName, position } = event as BinlogEventByTypeName<'Rotate'>;
        if (binlogName !== this.#at.file) this.#file.rotate();
        return this.#passed({ file: binlogName, pos: position });
      }
      case 'Heartbeat': {
        const { binlogName, position, nextPosition } = event as BinlogEventByTypeName<'Heartbeat'>;
        const pos = nextPosition > 0 ? nextPosition : Number(position ?? 0);
        this.#placed = true;
        if (!this.#open && pos > 0)
          this.#passed({
            file: binlogName,
            pos: binlogName === this.#at.file ? unwrapPosition(pos, this.#at.pos) : pos,
          });
        return;
      }
      case 'Format':
        // Every file begins with one; table ids start again when the server has restarted in between.
        this.#tables.clear();
        this.#file.format(event.timestamp, this.#at);
        if (this.#placed && !this.#open)
          this.#emit({ kind: 'passed', boundary: this.#boundary() }, 0);
        return;
      default:
        return this.#pass(event);
    }
  }

  #pass(event: AnyBinlogEvent): void {
    if (!this.#open && event.nextPosition > this.#at.pos)
      this.#passed({ file: this.#at.file, pos: event.nextPosition });
  }

  #begin(gtid: string, serverId: number, standalone: boolean, prepared: boolean, pos: number) {
    this.#drop();
    this.#placed = true;
    const commitUs = this.#options.facts?.commitUs ?? null;
    const lastPos = this.#unwrap(pos);
    this.#open = openTransaction({ gtid, serverId, standalone, prepared, commitUs, lastPos });
  }

  #rows(event: RowsEvent, op: RowsOp): void {
    const txn = this.#open;
    if (!txn) throw this.#undecodable('rows outside of a transaction', event);
    const layout = this.#tables.layoutOf(event);
    // Servers that write no positions inside a transaction: the last known one, as Debezium does.
    if (event.nextPosition > 0)
      txn.lastPos = this.#unwrap(event.nextPosition) - event.size - this.#options.frameBytes();
    addRows(txn, event, op, layout, this.#at.file);
    txn.bytes += event.size + event.rows.length * heldBytes;
    if (txn.prepared && txn.bytes > maxPreparedBytes)
      throw this.#undecodable('an XA transaction holds too many changes', event);
    // What is large once it is large: from then on in small parts, which cost little memory.
    const partBytes = this.#options.partBytes / (txn.handedOver ? 4 : 1);
    if (txn.bytes > partBytes && txn.changes.length > 0 && !txn.prepared) {
      this.#emit({ kind: 'part', changes: txn.changes }, txn.bytes);
      Object.assign(txn, { changes: [], bytes: 0, handedOver: true });
    }
  }

  #query(event: QueryEvent): void {
    const txn = this.#open;
    const statement = parseStatement(event.query);
    switch (statement.kind) {
      case 'begin':
      case 'xa-start':
        if (!txn) return this.#end(event);
        txn.standalone = false;
        txn.prepared ||= statement.kind === 'xa-start';
        txn.thread = this.#gtids instanceof MysqlGtidSet ? event.slaveProxyId : null;
        return;
      case 'xa-end':
        return;
      case 'commit':
        return this.#commit(event);
      case 'rollback':
        this.#drop();
        return this.#end(event);
      case 'xa-commit':
        return this.#commitPrepared(statement.xid, event);
      case 'xa-rollback':
        this.#prepared.take(statement.xid);
        return this.#end(event);
      case 'savepoint':
        txn?.savepoints.set(statement.name, txn.changes.length);
        return;
      case 'rollback-to':
        if (txn && !rollBackTo(txn, statement.name))
          throw this.#undecodable(
            'a transaction with captured changes was rolled back in part',
            event,
          );
        return;
      case 'write':
        if (namesCaptured(event.query, event.schema, this.#options.cloudSchema))
          throw this.#undecodable(
            'a captured table was changed by a statement, not by rows',
            event,
            { fix: "SET GLOBAL binlog_format = 'ROW', and the same for the session that wrote it" },
          );
        break;
      case 'other':
    }
    if (!txn || txn.standalone) this.#end(event);
  }

  #prepare(event: BinlogEventByTypeName<'XaPrepare'>): void {
    if (event.onePhase) return this.#commit(event);
    const txn = this.#open;
    if (txn && txn.changes.length > 0) {
      const { changes, bytes } = txn;
      const before = this.#here();
      const { xidFormatId, xidGtrid, xidBqual } = event;
      const xid = xidKey(xidFormatId, xidGtrid.toString('hex'), xidBqual.toString('hex'));
      this.#prepared.put(xid, { changes, bytes, before });
      if (this.#prepared.bytes > maxPreparedBytes)
        throw this.#undecodable('open XA transactions hold too many changes', event);
    }
    this.#end(event);
  }

  // What was compressed has no place of its own in the file, nor has what comes without one.
  #startOf({ nextPosition, size }: AnyBinlogEvent): number | null {
    const hasPlace = nextPosition > 0 && this.#options.facts?.unpacking !== true;
    return hasPlace ? this.#unwrap(nextPosition) - size - this.#options.frameBytes() : null;
  }

  #commitPrepared(xid: string, event: QueryEvent): void {
    const prepared = this.#prepared.take(xid);
    const txn = this.#open;
    if (txn && prepared) Object.assign(txn, { changes: prepared.changes, bytes: prepared.bytes });
    this.#commit(event);
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
    if (gtid) this.#gtids.add(gtid);
    if (event.nextPosition > 0)
      this.#at = { file: this.#at.file, pos: this.#unwrap(event.nextPosition) };
    this.#open = null;
    return this.#boundary();
  }

  // While an XA transaction is prepared, what is before it is the place to go on from.
  #boundary(): Boundary {
    return this.#prepared.hold(this.#here());
  }

  #here(): Boundary {
    return { end: this.#at, gtid: this.#gtids.toString() || null, ...this.#file.known };
  }

  // Headers have four bytes for the position: in a larger file it begins again, in a transaction, too.
  #unwrap(position: number): number {
    const reached = this.#options.facts?.reached ?? 0;
    return unwrapPosition(position, Math.max(this.#at.pos, this.#open?.lastPos ?? 0, reached));
  }

  #passed(at: BinlogPoint): void {
    this.#drop();
    this.#open = null;
    this.#at = at;
    if (this.#placed) this.#emit({ kind: 'passed', boundary: this.#boundary() }, 0);
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
