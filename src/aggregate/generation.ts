import { setTimeout } from 'node:timers/promises';
import type { BillingSettings } from '../contracts/fold.ts';
import { defaultCorrections } from '../domain/correction.ts';
import type { CorrectionRules } from '../domain/correction.ts';
import { hasLongDays } from '../domain/fold-window.ts';
import type { Preset, QuirkSet } from '../domain/quirks.ts';
import { readQuirks, storedQuirks, windowSettings } from '../domain/stored-window.ts';
import type { WindowSpec } from '../domain/window.ts';
import { crashPoint } from '../platform/crash-points.ts';
import { AppError } from '../platform/errors.ts';
import type { Pool, RowDataPacket } from '../platform/mysql.ts';
import { mysqlCode, quoteName } from '../platform/mysql.ts';
import { isBusy } from '../platform/store-fault.ts';

/** What a generation is made with: never changes, because its results could not be told apart. */
export interface GenerationOptions {
  readonly schema: string;
  readonly name: string;
  readonly feedTopic: string;
  readonly feedPartitions: number;
  readonly window: WindowSpec;
  readonly closeDelayMs: number;
  readonly preset: Preset;
  readonly quirkOverrides: Partial<QuirkSet>;
  readonly settings: BillingSettings;
  readonly corrections?: CorrectionRules;
  /** Never live, even when no other is: it is only to be looked at. */
  readonly isBeside?: boolean;
}

export interface Generation {
  readonly id: number;
  readonly name: string;
  /** When it was made, as the table has it: its identity, as a store that lost it gives its id to another. */
  readonly madeAt: string;
  readonly state: 'building' | 'live' | 'retired';
  /** As it was made with them; of one that was made before a quirk there was, not what the preset says today. */
  readonly quirkOverrides: Partial<QuirkSet>;
}

/**
 * The generation of that name, made on first use with a progress row for each partition. The first of
 * a schema is live; others are built beside it.
 *
 * @throws GENERATION_MISMATCH when it was made with something else: facts name what, and both values.
 */
export async function ensureGeneration(
  pool: Pool,
  options: GenerationOptions,
): Promise<Generation> {
  const made = await open(pool, options, false);
  if (!made) throw new AppError('STORE_SCHEMA_MISSING', { generation: options.name });
  return made;
}

/** Looks only: what {@link ensureGeneration} would refuse. @throws GENERATION_MISMATCH */
export async function refuseOtherGeneration(pool: Pool, options: GenerationOptions): Promise<void> {
  await open(pool, options, true);
}

async function open(
  pool: Pool,
  options: GenerationOptions,
  isDry: boolean,
): Promise<Generation | null> {
  const table = quoteName(options.schema, 'generation');
  const { preset, window } = options;
  const wanted = {
    feed_topic: options.feedTopic,
    feed_partitions: options.feedPartitions,
    range_minutes: window.rangeMinutes,
    time_zone: window.timeZone,
    close_delay_ms: options.closeDelayMs,
    preset,
    settings: settingsText(options, storedQuirks(preset, options.quirkOverrides, window)),
  };
  const read = async () => {
    const [rows] = await pool.query<RowDataPacket[]>(`SELECT * FROM ${table} WHERE name = ?`, [
      options.name,
    ]);
    return rows[0];
  };
  let row = await read();
  // Workers that start together make it at the same instant, and the server lets one of them wait in vain.
  for (let attempt = 0; !row && !isDry && attempt < 20; attempt++) {
    const columns = Object.keys(wanted);
    const insert = pool.query(
      `INSERT IGNORE INTO ${table} (name, state, ${columns.join(', ')})
       SELECT ?, IF(? OR EXISTS (SELECT 1 FROM ${table} g WHERE g.state = 'live'), 'building', 'live'),
         ${columns.map(() => '?').join(', ')}`,
      [options.name, options.isBeside === true, ...Object.values(wanted)],
    );
    await insert.catch(async (error: unknown) => {
      if (!lostRace(error)) throw error;
      await setTimeout(50 + 10 * attempt);
    });
    row = await read();
  }
  if (!row) return null;
  const { quirks } = JSON.parse(String(row['settings'])) as { quirks: Partial<QuirkSet> };
  if (hasLongDays(window) && quirks.splitLongDay === undefined)
    wanted.settings = settingsText(options, withoutSplit(options.quirkOverrides));
  refuseOther(options.name, wanted, row);
  const id = Number(row['id']);
  if (!isDry) {
    crashPoint('aggregate.generation-made');
    await enterPartitions(pool, options, id);
    crashPoint('aggregate.partitions-entered');
  }
  return {
    id,
    name: options.name,
    madeAt: String(row['created_at']),
    state: row['state'] as Generation['state'],
    quirkOverrides: readQuirks(preset, quirks, window),
  };
}

const settingsText = (options: GenerationOptions, quirks: Partial<QuirkSet>): string =>
  sortedJson({
    quirks,
    billing: options.settings,
    ...windowSettings(options.window),
    ...correctionSettings(options.corrections ?? defaultCorrections),
  });

/** As settings were before the quirk was there: a long day was never split. */
const withoutSplit = ({ splitLongDay, ...rest }: Partial<QuirkSet>): Partial<QuirkSet> =>
  splitLongDay === true ? { ...rest, splitLongDay } : rest;

/** What is not the default: a replay with other rules would make other corrections beside those that stand. */
function correctionSettings({ mode, reachMs }: CorrectionRules): object {
  const isDefault = mode === defaultCorrections.mode && reachMs === Infinity;
  return isDefault ? {} : { corrections: { mode, reachMs: reachMs === Infinity ? null : reachMs } };
}

const lostRace = (error: unknown): boolean =>
  isBusy(error) || mysqlCode(error) === 'ER_AUTOINC_READ_FAILED';

/** Only what is missing is inserted: a frozen owner's lock on its row would hold up every other worker. */
async function enterPartitions(
  pool: Pool,
  { schema, feedPartitions }: GenerationOptions,
  generation: number,
): Promise<void> {
  const table = quoteName(schema, 'progress');
  const [rows] = await pool.query<RowDataPacket[]>(
    `SELECT partition_id FROM ${table} WHERE generation = ?`,
    [generation],
  );
  const present = new Set(rows.map((row) => Number(row['partition_id'])));
  const missing = Array.from({ length: feedPartitions }, (_, partition) => partition)
    .filter((partition) => !present.has(partition))
    .map((partition) => [generation, partition]);
  if (missing.length === 0) return;
  await pool.query(`INSERT IGNORE INTO ${table} (generation, partition_id) VALUES ?`, [missing]);
}

function refuseOther(
  name: string,
  wanted: Readonly<Record<string, string | number>>,
  row: RowDataPacket,
): void {
  const differing = Object.entries(wanted).filter(([key, value]) => `${row[key]}` !== `${value}`);
  if (differing.length === 0) return;
  const facts = differing.map(([key, value]) => [key, { madeWith: row[key], asked: value }]);
  throw new AppError('GENERATION_MISMATCH', { generation: name, ...Object.fromEntries(facts) });
}

/** JSON with sorted keys, so that equal settings are equal text. */
const sortedJson = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
