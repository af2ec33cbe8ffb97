import type { BillingSettings } from '../contracts/fold.ts';
import type { CloudRules } from '../domain/cloud-rules.ts';
import { defaultCorrections } from '../domain/correction.ts';
import type { CorrectionRules } from '../domain/correction.ts';
import type { Preset, QuirkSet } from '../domain/quirks.ts';
import { readQuirks, storedWindow } from '../domain/stored-window.ts';
import { AppError } from '../platform/errors.ts';
import type { Pool, RowDataPacket } from '../platform/mysql.ts';
import { quoteName } from '../platform/mysql.ts';

/** A generation as its row says it was made: all that a fold into it needs, with no flag. */
export interface MadeGeneration extends CloudRules {
  readonly id: number;
  readonly name: string;
  /** When it was made, as the table has it: its identity, as a store that lost it gives its id to another. */
  readonly madeAt: string;
  readonly state: 'building' | 'live' | 'retired';
  readonly feedTopic: string;
  readonly feedPartitions: number;
  readonly preset: Preset;
  readonly quirkOverrides: Partial<QuirkSet>;
  readonly corrections: CorrectionRules;
}

/** The generation of that name; null when there is none. */
export async function readGeneration(
  pool: Pool,
  schema: string,
  name: string,
): Promise<MadeGeneration | null> {
  const row = await read(pool, schema, 'name', name);
  return row ? toGeneration(row) : null;
}

/** @throws GENERATION_MISSING */
export async function requireGeneration(
  pool: Pool,
  schema: string,
  name: string,
): Promise<MadeGeneration> {
  const made = await readGeneration(pool, schema, name);
  if (made === null) throw new AppError('GENERATION_MISSING', { generation: name });
  return made;
}

/**
 * The generation that stands for a name: itself, or what a cutover put in its place. So workers and sinks
 * whose settings name the first generation follow every cutover and rollback.
 */
export async function followGeneration(
  pool: Pool,
  schema: string,
  name: string,
): Promise<MadeGeneration | null> {
  let row = await read(pool, schema, 'name', name);
  const seen = new Set<string>();
  while (row && row['superseded_by'] !== null && !seen.has(String(row['id']))) {
    seen.add(String(row['id']));
    row = await read(pool, schema, 'id', String(row['superseded_by']));
  }
  return row ? toGeneration(row) : null;
}

/** The same, which must be there. @throws GENERATION_MISSING */
export async function requireFollowed(
  pool: Pool,
  schema: string,
  name: string,
): Promise<MadeGeneration> {
  const made = await followGeneration(pool, schema, name);
  if (made === null) throw new AppError('GENERATION_MISSING', { generation: name });
  return made;
}

/** The generation that is published; null in a new schema. */
export async function readLive(pool: Pool, schema: string): Promise<MadeGeneration | null> {
  const [rows] = await pool.query<RowDataPacket[]>(
    `SELECT name FROM ${quoteName(schema, 'generation')} WHERE state = 'live' ORDER BY id LIMIT 1`,
  );
  const name: unknown = rows[0]?.['name'];
  return typeof name === 'string' ? readGeneration(pool, schema, name) : null;
}

async function read(
  pool: Pool,
  schema: string,
  by: 'id' | 'name',
  value: string,
): Promise<RowDataPacket | undefined> {
  const [rows] = await pool.query<RowDataPacket[]>(
    `SELECT g.*, s.superseded_by FROM ${quoteName(schema, 'generation')} g
     LEFT JOIN ${quoteName(schema, 'succession')} s ON s.generation = g.id WHERE g.${by} = ?`,
    [value],
  );
  return rows[0];
}

function toGeneration(row: RowDataPacket): MadeGeneration {
  const { quirks, billing, corrections } = JSON.parse(String(row['settings'])) as {
    quirks?: Partial<QuirkSet>;
    billing?: Partial<BillingSettings>;
    corrections?: { mode: CorrectionRules['mode']; reachMs: number | null };
  };
  const preset = row['preset'] as Preset;
  const window = storedWindow({
    rangeMinutes: Number(row['range_minutes']),
    timeZone: String(row['time_zone']),
    settings: String(row['settings']),
  });
  return {
    id: Number(row['id']),
    name: String(row['name']),
    madeAt: String(row['created_at']),
    state: row['state'] as MadeGeneration['state'],
    feedTopic: String(row['feed_topic']),
    feedPartitions: Number(row['feed_partitions']),
    window,
    closeDelayMs: Number(row['close_delay_ms']),
    preset,
    quirkOverrides: readQuirks(preset, quirks ?? {}, window),
    corrections: corrections
      ? { mode: corrections.mode, reachMs: corrections.reachMs ?? Infinity }
      : defaultCorrections,
    settings: { snapshotVirtualSize: billing?.snapshotVirtualSize ?? false },
  };
}
