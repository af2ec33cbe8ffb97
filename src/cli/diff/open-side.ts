import { existsSync } from 'node:fs';
import { readGeneration, readLive } from '../../aggregate/made-generation.ts';
import type { MadeGeneration } from '../../aggregate/made-generation.ts';
import { isSameSpec } from '../../domain/window.ts';
import type { WindowSpec } from '../../domain/window.ts';
import { AppError } from '../../platform/errors.ts';
import type { Pool, RowDataPacket } from '../../platform/mysql.ts';
import { generationSide } from './generation-side.ts';
import type { Span } from './generation-side.ts';
import type { Side } from './side.ts';
import { tableSide } from './table-side.ts';
import { tsvSide } from './tsv-side.ts';
import { writerOf } from '../written-by.ts';

export interface OpenSide {
  readonly side: Side;
  readonly generation: MadeGeneration | null;
  /** Of the live table: the generation that our sink published into it. */
  readonly published: MadeGeneration | null;
  /** Schema of a Java server's tables. */
  readonly cloudUsageSchema: string | null;
}

/**
 * Reads the name of a side: a generation; `live`, the published table, whoever writes it; `java:SCHEMA`, a
 * Java server's; else a file of tab-separated rows.
 *
 * @throws DIFF_INPUT when it is none of these
 */
export async function openSide(
  name: string,
  io: { pool: Pool; schema: string; cloudUsageSchema: string; spec: WindowSpec; span: Span },
): Promise<OpenSide> {
  const { pool, schema, spec, span } = io;
  const java = /^java:(.+)$/.exec(name)?.[1];
  if (name === 'live' || java !== undefined) {
    const cloudUsageSchema = java ?? io.cloudUsageSchema;
    await refuseNoTable(pool, name, cloudUsageSchema);
    const { isJava, generation: published } =
      java === undefined
        ? await writerOf(pool, schema, cloudUsageSchema)
        : { isJava: true, generation: null };
    const side = tableSide(pool, { name, cloudUsageSchema, spec, isJava, ...span });
    const ofJava = isJava ? cloudUsageSchema : null;
    return { side, generation: null, published, cloudUsageSchema: ofJava };
  }
  const generation = await readGeneration(pool, schema, name);
  if (generation)
    return {
      side: generationSide(pool, schema, generation, span),
      generation,
      ...{ published: null, cloudUsageSchema: null },
    };
  if (!existsSync(name))
    throw new AppError('DIFF_INPUT', {
      ...{ side: name, reason: 'there is neither a generation nor a file of that name' },
    });
  const side = tsvSide(name, { spec, ...span });
  return { side, generation: null, published: null, cloudUsageSchema: null };
}

/** @throws DIFF_INPUT */
async function refuseNoTable(pool: Pool, side: string, schema: string): Promise<void> {
  const [rows] = await pool.query<RowDataPacket[]>(
    `SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = 'cloud_usage'`,
    [schema],
  );
  if (rows.length > 0) return;
  const reason = 'there is no table cloud_usage in that schema, or no right to read it';
  throw new AppError('DIFF_INPUT', { side, schema, reason });
}

/**
 * The windows of a comparison: those of a generation that is one of its sides, else of the live one.
 * @throws DIFF_INPUT when two sides have others: no row of one is in a window of the other
 */
export async function windowsOf(
  names: readonly string[],
  { pool, schema }: { pool: Pool; schema: string },
): Promise<WindowSpec> {
  const live = await readLive(pool, schema);
  const found: { side: string; window: WindowSpec }[] = [];
  for (const side of names) {
    const generation = side === 'live' ? live : await readGeneration(pool, schema, side);
    if (generation) found.push({ side, window: generation.window });
  }
  const [first, second] = found;
  if (first && second && !isSameSpec(first.window, second.window))
    throw new AppError('DIFF_INPUT', { reason: 'their windows are others', sides: found });
  return first?.window ?? live?.window ?? { rangeMinutes: 1440, timeZone: 'GMT' };
}
