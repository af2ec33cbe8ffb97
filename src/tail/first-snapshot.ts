import { patient } from '../platform/answer-limit.ts';
import { crashPoint } from '../platform/crash-points.ts';
import { AppError } from '../platform/errors.ts';
import { openConnection } from '../platform/mysql.ts';
import type { Connection } from '../platform/mysql.ts';
import type { PositionRecord, SnapshotCursor } from './position.ts';
import { pollPlace } from './poll-place.ts';
import { layoutsNow } from './preflight-schema.ts';
import { serverClock, startConsistentSnapshot, startView } from './server-facts.ts';
import type { ResumePoint } from './server-facts.ts';
import type { SessionContext, StreamStart } from './session.ts';
import { readSnapshot, startCursor } from './snapshot.ts';
import type { SnapshotChunk } from './snapshot.ts';
import type { Boundary } from './source.ts';
import { raised, startWatermark } from './watermark.ts';

/** A snapshot that an earlier session began, and the place it belongs to, which is still in the binlog. */
export interface Unfinished {
  readonly stored: PositionRecord;
  readonly point: ResumePoint;
}

/** Writes what the captured tables hold, and says from where the binlog goes on. null when stopped before the end. */
export async function runFirstSnapshot(
  context: SessionContext,
  unfinished: Unfinished | null,
): Promise<StreamStart | null> {
  const { settings, io, signal, output, batch, accounts } = context;
  const connection = await openConnection(patient(settings.source), 'SOURCE', {
    multipleStatements: true,
  });
  connection.on('error', (cause) => io.logger.debug({ cause }, 'source connection broke'));
  try {
    const { at, cursor } = await begin(connection, context, unfinished);
    crashPoint('tail.snapshot-begun');
    let mark = startWatermark(settings.clock, unfinished?.stored.watermarkMs ?? null);
    io.logger.info(
      { ...at.end, resumed: unfinished !== null, rows: cursor.rows },
      'snapshot started',
    );
    const options = {
      cloudSchema: settings.cloudSchema,
      raw: settings.raw,
      layouts: await layoutsNow(connection, settings.cloudSchema),
      chunkRows: settings.snapshotChunkRows,
    };
    let rows = 0;
    for await (const chunk of readSnapshot(connection, options, at, cursor)) {
      if (signal.aborted) return null;
      await accounts.prepare(chunk.feed, connection);
      output.write(chunk, mark.atMs);
      await batch.sendIfLarge();
      if (chunk.watermarkMs !== null) {
        mark = raised(mark, chunk.watermarkMs);
        output.announce(mark.atMs, at);
      }
      crashPoint('tail.snapshot-before-chunk-commit');
      await output.commit(at, mark.atMs, chunk.cursor);
      crashPoint('tail.snapshot-after-chunk-commit');
      rows = chunk.rows;
      report(context, chunk, mark.atMs);
    }
    crashPoint('tail.snapshot-done');
    io.logger.info({ rows }, 'snapshot finished');
    return { point: { ...at, byGtid: unfinished?.point.byGtid ?? false }, watermarkMs: mark.atMs };
  } finally {
    connection.destroy();
  }
}

async function begin(
  connection: Connection,
  { settings }: SessionContext,
  unfinished: Unfinished | null,
): Promise<{ at: Boundary; cursor: SnapshotCursor }> {
  const view =
    settings.sourceMode === 'binlog' ? await startConsistentSnapshot(connection) : pollPlace;
  if (settings.sourceMode === 'poll') await startView(connection);
  if (unfinished === null) {
    const startedMs = await serverClock(connection);
    return { at: view, cursor: await startCursor(connection, settings.cloudSchema, startedMs) };
  }
  const { point, stored } = unfinished;
  if (stored.snapshot === null) throw new AppError('LOG_TOPIC_MISMATCH', { topic: 'positions' });
  return { at: point, cursor: stored.snapshot };
}

const report = (context: SessionContext, chunk: SnapshotChunk, watermarkMs: number | null) =>
  context.io.onProgress({ phase: 'snapshot', table: chunk.table, rows: chunk.rows, watermarkMs });
