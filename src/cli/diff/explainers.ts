import type { MadeGeneration } from '../../aggregate/made-generation.ts';
import type { Because, Difference, DiffRow } from '../../domain/diff.ts';
import { javaFaultOf, resourcesOf } from '../../domain/java-fault.ts';
import type { JavaEvidence } from '../../domain/java-fault.ts';
import { windowOf } from '../../domain/window.ts';
import type { WindowSpec } from '../../domain/window.ts';
import { quoteName } from '../../platform/mysql.ts';
import type { Pool, RowDataPacket } from '../../platform/mysql.ts';
import type { DifferingGroup, Explainer } from './run-diff.ts';

const unexplained: Because = { kind: 'unexplained' };

/** Asks one explainer after the other, each about what those before it left open. */
export const inTurn =
  (explainers: readonly Explainer[]): Explainer =>
  async (group) => {
    let found: Because[] = group.differences.map(() => unexplained);
    for (const explain of explainers) {
      if (found.every(({ kind }) => kind !== 'unexplained')) break;
      const named = await explain(group);
      found = found.map((one, at) => (one.kind === 'unexplained' ? (named[at] ?? one) : one));
    }
    return found;
  };

/**
 * Differences that corrections of either generation make: an appended row, or a row whose quantity was
 * corrected since.
 */
export const correctionExplainer =
  (pool: Pool, schema: string, generations: readonly MadeGeneration[]): Explainer =>
  async ({ windowStartMs, accountId, differences }) => {
    const wronged = new Map<string, string[]>();
    for (const { id } of generations) {
      const [rows] = await pool.query<RowDataPacket[]>(
        `SELECT record_id, correction_id FROM ${quoteName(schema, 'correction')}
         WHERE generation = ? AND account_id = ? AND window_start_ms = ?`,
        [id, accountId, windowStartMs],
      );
      for (const row of rows) {
        const record = (row['record_id'] as Buffer).toString('hex');
        const correction = (row['correction_id'] as Buffer).toString('hex');
        wronged.set(record, [...(wronged.get(record) ?? []), correction]);
      }
    }
    return differences.map(({ left, right }) => {
      const appended = left?.correction ?? right?.correction ?? null;
      if (appended !== null) return { kind: 'correction', ids: [appended] };
      const ids = [left, right].flatMap((row) => wronged.get(row?.recordId ?? '') ?? []);
      return ids.length > 0 ? { kind: 'correction', ids: [...new Set(ids)] } : unexplained;
    });
  };

/** Where the sides of a comparison stand on the way from one set of quirks to the other. */
export interface QuirkPath {
  /** One for each step of the path, in its order. */
  readonly quirks: readonly string[];
  /** Side at its begin; null: the first of those that are read along. */
  readonly first: 'left' | 'right' | null;
  readonly last: 'left' | 'right';
}

/**
 * Differences that quirks make. The sides that are read along lead from one set of quirks to the other,
 * each with one quirk more as the last has it; a row belongs to the quirks whose steps change it. As the
 * steps join the two ends, what differs between these is changed by one at least.
 */
export const quirkExplainer =
  ({ quirks, first, last }: QuirkPath): Explainer =>
  ({ differences, along }) => {
    const named = differences.map((difference): Because => {
      const keys = new Set([difference.left?.key, difference.right?.key]);
      const path = along.map((rows) => rows.find(({ key }) => keys.has(key)) ?? null);
      if (first !== null) path.unshift(difference[first]);
      path.push(difference[last]);
      const names = quirks.filter((_, at) => text(path[at]) !== text(path[at + 1]));
      return names.length > 0 ? { kind: 'quirk', names } : unexplained;
    });
    return Promise.resolve(named);
  };

const text = (row: DiffRow | null | undefined): string =>
  row === null || row === undefined ? '' : JSON.stringify(row.cells);

export interface JavaSource {
  readonly pool: Pool;
  /** The Java server's schema; null when only its rows are known. */
  readonly cloudUsageSchema: string | null;
  readonly spec: WindowSpec;
  readonly side: 'left' | 'right';
  /** Our side, for its corrections. */
  readonly ours: { readonly schema: string; readonly generation: MadeGeneration } | null;
}

/** Differences that a Java server's known faults make, with what its own tables tell. */
export const javaExplainer =
  (java: JavaSource): Explainer =>
  async (group) => {
    const evidence = await gatherEvidence(java, group);
    return group.differences.map((difference): Because => {
      const fault = javaFaultOf(difference, java.side, evidence);
      return fault === null ? unexplained : { kind: 'java', fault };
    });
  };

async function gatherEvidence(java: JavaSource, group: DifferingGroup): Promise<JavaEvidence> {
  const { pool, cloudUsageSchema, spec, ours } = java;
  const window = windowOf(group.windowStartMs, spec);
  const none = { absent: new Set<string>(), stuck: new Set<string>() };
  const corrected = ours === null ? new Set<string>() : await correctedOf(pool, ours, group);
  if (cloudUsageSchema === null)
    return { window, runs: null, ...none, stuckResources: new Set(), corrected };
  const [jobs] = await pool.query<RowDataPacket[]>(
    `SELECT start_millis, end_millis FROM ${quoteName(cloudUsageSchema, 'usage_job')}
     WHERE success = 1 AND end_millis >= ? AND start_millis < ?`,
    [window.startMs, window.endMs],
  );
  const runs = jobs.map((job) => ({
    startMs: Number(job['start_millis']),
    endMs: Number(job['end_millis']) + 1,
  }));
  const events = quoteName(cloudUsageSchema, 'usage_event');
  const [stuckRows] = await pool.query<RowDataPacket[]>(
    `SELECT id, resource_id FROM ${events} WHERE account_id = ? AND processed = 0 AND created < FROM_UNIXTIME(?)`,
    [group.accountId, window.endMs / 1000],
  );
  const stuck = new Set(stuckRows.map((row) => String(row['id'])));
  const stuckResources = new Set(stuckRows.map((row) => String(row['resource_id'])));
  const wanted = eventsOf(group.differences);
  const known = new Set<string>();
  for (let at = 0; at < wanted.length; at += 1000) {
    const [rows] = await pool.query<RowDataPacket[]>(`SELECT id FROM ${events} WHERE id IN (?)`, [
      wanted.slice(at, at + 1000),
    ]);
    for (const row of rows) known.add(String(row['id']));
  }
  const absent = new Set(wanted.filter((id) => !known.has(id)));
  return { window, runs, absent, stuck, stuckResources, corrected };
}

const eventsOf = (differences: readonly Difference[]): string[] => [
  ...new Set(
    differences.flatMap(({ left, right }) => [left, right].flatMap((row) => row?.events ?? [])),
  ),
];

/** Resources of the account that a correction of ours names, in any window. */
async function correctedOf(
  pool: Pool,
  { schema, generation }: NonNullable<JavaSource['ours']>,
  { accountId, differences }: DifferingGroup,
): Promise<Set<string>> {
  const resources = new Set(
    differences.flatMap(({ left, right }) => [...resourcesOf(left), ...resourcesOf(right)]),
  );
  const [rows] = await pool.query<RowDataPacket[]>(
    `SELECT DISTINCT r.usage_id, r.vm_instance_id FROM ${quoteName(schema, 'correction')} c
     JOIN ${quoteName(schema, 'record')} r ON r.generation = c.generation
       AND r.account_id = c.account_id
       AND ((r.window_start_ms = c.window_start_ms AND r.record_id = c.record_id)
         OR (r.window_start_ms = c.made_start_ms AND r.record_id = c.appended_record_id))
     WHERE c.generation = ? AND c.account_id = ?`,
    [generation.id, accountId],
  );
  const named = rows.flatMap((row) => [row['usage_id'], row['vm_instance_id']].map(String));
  return new Set(named.filter((id) => resources.has(id)));
}
