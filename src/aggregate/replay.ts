import type { EpochMs } from '../contracts/time.ts';
import type { Pool, RowDataPacket } from '../platform/mysql.ts';
import { quoteName } from '../platform/mysql.ts';
import { dropGeneration } from './drop-generation.ts';
import { copyBase } from './base-state.ts';
import { ensureGeneration } from './generation.ts';
import { requireGeneration } from './made-generation.ts';
import type { MadeGeneration } from './made-generation.ts';
import { rebuild } from './rebuild.ts';
import type { RebuildIo } from './rebuild.ts';
import { openTemporaryNames } from './temporary-generations.ts';

/** How many of one kind are the same in both, and in how far the others are not. */
export interface Sameness {
  readonly equal: number;
  readonly differing: number;
  /** Only the generation has them. */
  readonly missing: number;
  /** Only the replay made them. */
  readonly surplus: number;
}

export interface ReplayResult {
  readonly records: number;
  readonly events: Sameness;
  readonly rows: Sameness;
  readonly corrections: Sameness;
  readonly states: Sameness;
  /** Windows that end by then were compared. */
  readonly untilMs: EpochMs | null;
  /** True when nothing differs. */
  readonly isSame: boolean;
}

/** Columns of `record` that a fold makes. */
const rowColumns = [
  ...['kind', 'usage_type', 'natural_key', 'quantity', 'zone_id', 'domain_id', 'description'],
  ...['usage_display', 'raw_usage', 'vm_instance_id', 'vm_name', 'offering_id', 'template_id'],
  ...['usage_id', 'type', 'size', 'network_id', 'virtual_size', 'cpu_speed', 'cpu_cores'],
  ...['memory', 'is_hidden', 'state', 'start_date', 'end_date', 'lineage'],
];

/**
 * Folds the feed again by the rules of a generation and up to where it stands, and compares every event,
 * row, correction and state. It is done beside the generation, so that workers and sinks of a live one go on
 * meanwhile, and so that what differs is seen: a fold into the same rows would pass over them. What a
 * cutover kept because quota had charged it is not compared.
 *
 * @throws as {@link rebuild}
 */
export async function replay(
  { pool, schema, generation }: { pool: Pool; schema: string; generation: MadeGeneration },
  io: RebuildIo,
): Promise<ReplayResult> {
  await using names = await openTemporaryNames(pool, schema, io.store);
  const name = names.next('replay');
  const [progress] = await pool.query<RowDataPacket[]>(
    `SELECT partition_id, next_offset, closed_until_ms FROM ${quoteName(schema, 'progress')}
     WHERE generation = ?`,
    [generation.id],
  );
  const untilOffsets = new Map(
    progress.map((row) => [Number(row['partition_id']), Number(row['next_offset'])]),
  );
  const closed = progress.map((row) => Number(row['closed_until_ms'] ?? 0));
  const untilMs = Math.min(...closed);
  await ensureGeneration(pool, { ...generation, schema, name, isBeside: true });
  const again = await requireGeneration(pool, schema, name);
  await copyBase(pool, schema, { from: generation.id, to: again.id });
  try {
    const { records } = await rebuild(
      { schema, generation: again, untilOffsets, helperTables: false },
      io,
    );
    // Half a fold is not the same, and says nothing.
    io.signal.throwIfAborted();
    const compare = comparer(pool, schema, generation.id, again.id);
    const kept = `SELECT account_id FROM ${quoteName(schema, 'correction')}
      WHERE generation = ${generation.id} AND reason = 'CUTOVER'`;
    const isClosed = (alias: string) =>
      `${alias}.window_end_ms <= ${untilMs} AND ${alias}.account_id NOT IN (${kept})`;
    const below = [...untilOffsets]
      .map(([partition, next]) => `WHEN ${partition} THEN ${next}`)
      .join(' ');
    const events = await compare({
      table: 'event',
      key: ['account_id', 'created_ms', 'event_id', 'incarnation'],
      content: ['content_hash', 'feed_offset', 'late'],
      where: (alias) => `${alias}.feed_offset < CASE ${alias}.partition_id ${below} ELSE 0 END`,
    });
    const rows = await compare({
      table: 'record',
      key: ['window_start_ms', 'account_id', 'record_id'],
      content: rowColumns,
      where: isClosed,
    });
    const corrections = await compare({
      table: 'correction',
      key: ['account_id', 'window_start_ms', 'correction_id'],
      content: ['delta', 'action', 'appended_record_id', 'made_start_ms'],
      where: (alias) =>
        `${alias}.made_end_ms <= ${untilMs} AND ${alias}.account_id NOT IN (${kept})`,
    });
    const states = await compare({
      table: 'account_state',
      key: ['account_id', 'folded_until_ms'],
      content: ['state', 'partition_id'],
      // A live one goes on: states of later windows are no part of this.
      where: (alias) => `${alias}.folded_until_ms <= ${untilMs}`,
    });
    const isSame = [events, rows, corrections, states].every(
      ({ differing, missing, surplus }) => differing + missing + surplus === 0,
    );
    return { records, events, rows, corrections, states, untilMs, isSame };
  } finally {
    await dropGeneration(pool, schema, again.id);
  }
}

interface Compared {
  readonly table: string;
  readonly key: readonly string[];
  readonly content: readonly string[];
  readonly where: (alias: string) => string;
}

function comparer(pool: Pool, schema: string, first: number, second: number) {
  return async ({ table, key, content, where }: Compared): Promise<Sameness> => {
    const name = quoteName(schema, table);
    const join = key.map((c) => `b.${quoteName(c)} = a.${quoteName(c)}`).join(' AND ');
    const alike = content.map((c) => `a.${quoteName(c)} <=> b.${quoteName(c)}`).join(' AND ');
    const [head = ''] = key;
    const isLone = `b.${quoteName(head)} IS NULL`;
    const count = async (one: number, other: number) => {
      const [[row]] = await pool.query<RowDataPacket[]>(
        `SELECT COUNT(*) AS n, COALESCE(SUM(${isLone}), 0) AS lone,
           COALESCE(SUM(NOT ${isLone} AND ${alike}), 0) AS alike
         FROM ${name} a LEFT JOIN ${name} b ON b.generation = ? AND ${join}
         WHERE a.generation = ? AND ${where('a')}`,
        [other, one],
      );
      return { n: Number(row?.['n']), lone: Number(row?.['lone']), alike: Number(row?.['alike']) };
    };
    const there = await count(first, second);
    const back = await count(second, first);
    return {
      equal: there.alike,
      differing: there.n - there.lone - there.alike,
      missing: there.lone,
      surplus: back.lone,
    };
  };
}
