import ZongJi from '@vlasky/zongji';
import type { AnyBinlogEvent } from '@vlasky/zongji';
import { AppError } from '../platform/errors.ts';
import type { Logger } from '../platform/logger.ts';
import { mysqlOptions } from '../platform/mysql.ts';
import type { MysqlTarget } from '../platform/mysql.ts';
import { watchPackets } from './binlog-packets.ts';
import type { BinlogPoint } from './binlog-point.ts';
import { capturedTables } from './captured-tables.ts';
import { Flow } from './flow.ts';
import { hangUp } from './hang-up.ts';
import type { LastXid } from './position.ts';
import { sourceFault } from './source-faults.ts';
import type { ChangeSource, SourceItem } from './source.ts';
import { TransactionAssembler } from './transaction-assembler.ts';

export interface BinlogOptions {
  readonly target: MysqlTarget;
  readonly cloudSchema: string;
  /** Where to start: the end of a transaction. */
  readonly start: BinlogPoint;
  /** GTID position at `start`. */
  readonly gtid: string | null;
  /** When the file of `start` was made; null: not known. */
  readonly fileMs: number | null;
  /** The last commit before `start` in its file; null: not known. */
  readonly lastXid: LastXid | null;
  /** Start by GTID instead: `start` is then a place of another server. */
  readonly byGtid: boolean;
  readonly serverId: number;
  /** Reading pauses above this many bytes that nobody has taken. */
  readonly maxQueueBytes: number;
  /** The server reports so often when nothing happens; twice this without a word is a dead peer. */
  readonly heartbeatMs: number;
  /**
   * The server may wait so long for a reader that stands still before it drops it; when nobody takes what was
   * read we leave after half of it. Whole seconds count.
   */
  readonly standstillMs: number;
  readonly logger: Logger;
}

/** About what one `take` hands over, so that its taker comes to its other duties. */
const takenBytes = 256 * 1024;
const events = [
  'tablemap',
  'writerows',
  'updaterows',
  'deleterows',
  'xid',
  'query',
  'xaprepare',
  'mariadbgtid',
  'gtid',
  'anonymousgtid',
  'previousgtids',
  'rotate',
  'heartbeat',
  'format',
  'binlogcheckpoint',
  'mariadbgtidlist',
];

/**
 * Follows a MariaDB or MySQL binlog with zongji, which never reconnects: after a fault this source is over and
 * another one has to be opened from the last committed place.
 */
export function openBinlog(options: BinlogOptions): ChangeSource {
  const { target, maxQueueBytes } = options;
  const zongji = new ZongJi({ ...mysqlOptions(target), jsonStrings: true });
  const flow = new Flow(() => zongji.connection);
  const facts = watchPackets(zongji, options.cloudSchema, flow, (fault) => fail(fault));
  // A request has four bytes for the position.
  const byGtid = options.byGtid || options.start.pos > 0xffff_ffff;
  const queue: { item: SourceItem; bytes: number }[] = [];
  let queuedBytes = 0;
  let fault: AppError | null = null;
  let closed = false;
  let heardMs = performance.now();
  let heardBytes = 0;
  let wake: () => void = () => {};

  const assembler = new TransactionAssembler(
    {
      cloudSchema: options.cloudSchema,
      start: options.start,
      gtid: options.gtid,
      fileMs: options.fileMs,
      lastXid: options.lastXid,
      byGtid,
      partBytes: maxQueueBytes,
      frameBytes: () => 19 + (zongji.useChecksum ? 4 : 0),
      facts,
    },
    (item, bytes) => {
      const last = queue.at(-1);
      // Places without changes replace each other: an idle source must not fill the queue.
      if (item.kind === 'passed' && last?.item.kind === 'passed') last.item = item;
      else queue.push({ item, bytes });
      queuedBytes += bytes;
      if (queuedBytes > maxQueueBytes) flow.full(performance.now());
      wake();
    },
  );

  const fail = (cause: unknown) => {
    if (fault || closed) return;
    fault = sourceFault(cause, target, assembler.at);
    stop();
    wake();
  };
  const onEvent = (event: AnyBinlogEvent) => {
    if (fault || closed) return;
    heardMs = performance.now();
    try {
      assembler.take(event);
    } catch (error) {
      fail(error);
    }
    // zongji resumes the socket by itself after it has read a table's columns.
    flow.keep();
  };
  const watchdog = setInterval(() => {
    const now = performance.now();
    // One event may be longer on its way than heartbeats may be missing; there are none within it.
    const bytes = receivedBytes(zongji);
    if (bytes !== heardBytes || flow.isUnpacking) [heardBytes, heardMs] = [bytes, now];
    const { fullSinceMs } = flow;
    if (fullSinceMs !== null && now - fullSinceMs > options.standstillMs / 2)
      fail(
        new AppError('SOURCE_UNREACHABLE', {
          reason: 'left before the server times out: the log is slow',
        }),
      );
    else if (fullSinceMs === null && now - heardMs > 2 * options.heartbeatMs)
      fail(
        new AppError('SOURCE_UNREACHABLE', {
          host: target.host,
          port: target.port,
          reason: 'no heartbeat',
        }),
      );
  }, options.heartbeatMs / 4);
  const stop = () => {
    clearInterval(watchdog);
    flow.close();
    hangUp(zongji);
  };

  zongji.on('error', fail);
  zongji.on('binlog', onEvent);
  zongji.start({
    serverId: options.serverId,
    includeEvents: events,
    includeSchema: { [options.cloudSchema]: capturedTables.map((table) => table.name) },
    ...(byGtid
      ? { gtidSet: options.gtid ?? '' }
      : { filename: options.start.file, position: options.start.pos }),
  });
  // Queued on the connection before the request for the binlog.
  const period = options.heartbeatMs * 1_000_000;
  zongji.connection?.query(
    `SET @master_heartbeat_period = ${period}, @source_heartbeat_period = ${period}`,
  );
  zongji.connection?.query(
    `SET SESSION net_write_timeout = ${Math.ceil(options.standstillMs / 1000)}`,
  );
  zongji.ctrlConnection?.query('SET SESSION wait_timeout = 2147483');

  const drain = (): readonly SourceItem[] => {
    let count = 0;
    for (let bytes = 0; count < queue.length && bytes < takenBytes; count++)
      bytes += queue[count]!.bytes;
    const items: SourceItem[] = [];
    for (const { item, bytes } of queue.splice(0, count)) {
      items.push(item);
      queuedBytes -= bytes;
    }
    if (flow.fullSinceMs !== null && queuedBytes < maxQueueBytes / 2) {
      heardMs = performance.now();
      flow.roomy();
    }
    return items;
  };

  return {
    get queuedBytes() {
      return queuedBytes;
    },
    async take(waitMs) {
      if (queue.length === 0 && !fault && waitMs > 0) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, waitMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        wake = () => {};
      }
      if (queue.length > 0) return drain();
      if (fault) throw fault;
      return [];
    },
    async [Symbol.asyncDispose]() {
      if (closed) return;
      closed = true;
      wake();
      if (fault) return;
      const stopped = new Promise<void>((resolve) => void zongji.once('stopped', resolve));
      stop();
      await stopped;
    },
  };
}

/** What has come on the connection so far, a part of an event too; its socket is not declared. */
function receivedBytes({ connection }: ZongJi): number {
  const inside = connection as { readonly stream?: { readonly bytesRead?: number } } | null;
  return inside?.stream?.bytesRead ?? 0;
}
