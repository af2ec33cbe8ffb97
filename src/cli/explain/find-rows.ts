import { requireGeneration } from '../../aggregate/made-generation.ts';
import type { MadeGeneration } from '../../aggregate/made-generation.ts';
import { windowOf } from '../../domain/window.ts';
import { AppError } from '../../platform/errors.ts';
import { quoteName } from '../../platform/mysql.ts';
import type { Pool, RowDataPacket } from '../../platform/mysql.ts';

export interface ExplainStore {
  readonly pool: Pool;
  readonly schema: string;
  readonly cloudUsageSchema: string;
  readonly generation: MadeGeneration;
}

export interface ResourceQuery {
  readonly account: string;
  readonly type: number;
  /** usage_id or vm_instance_id; null: every resource. */
  readonly resource: string | null;
  /** An instant within the window. */
  readonly windowMs: number;
}

/** Which rows are asked about. */
export type RowQuery = { readonly id: string } | ResourceQuery;

/** A row of table `record`, every number as text. */
export type RecordRow = Readonly<Record<string, string | null>>;

/** Rows with the generation that they are of. */
export interface FoundRows {
  readonly generation: MadeGeneration;
  readonly rows: readonly RecordRow[];
}

/**
 * The records that are asked about, of any age. A row that is asked for by its id may be of another generation
 * than the one named: of one that was published before a takeover, or since.
 *
 * @throws CONFIG_INVALID when there is no such row, with what is known about it.
 */
export async function findRows(store: ExplainStore, query: RowQuery): Promise<FoundRows> {
  const { generation } = store;
  const rows = 'id' in query ? await byId(store, query.id) : await byResource(store, query);
  if (rows.length > 0) return { generation, rows };
  if ('id' in query)
    for (const other of await othersPublished(store)) {
      const found = await byId({ ...store, generation: other }, query.id);
      if (found.length > 0) return { generation: other, rows: found };
    }
  throw new AppError('CONFIG_INVALID', {
    problems: ['id' in query ? await whyUnknown(store, query.id) : nothingLike(query)],
  });
}

/** The other generations of which windows were published, the live one first. */
async function othersPublished({
  pool,
  schema,
  generation,
}: ExplainStore): Promise<MadeGeneration[]> {
  const [rows] = await pool.query<RowDataPacket[]>(
    `SELECT g.name FROM ${quoteName(schema, 'generation')} g
     WHERE g.id <> ? AND EXISTS
       (SELECT 1 FROM ${quoteName(schema, 'published_window')} w WHERE w.generation = g.id)
     ORDER BY g.state = 'live' DESC, g.id DESC`,
    [generation.id],
  );
  const others: MadeGeneration[] = [];
  for (const row of rows) others.push(await requireGeneration(pool, schema, String(row['name'])));
  return others;
}

const columns = [
  ...['window_start_ms', 'window_end_ms', 'account_id', 'partition_id', 'kind', 'usage_type'],
  ...['natural_key', 'revision', 'quantity', 'zone_id', 'domain_id', 'description'],
  ...['usage_display', 'raw_usage', 'vm_instance_id', 'vm_name', 'offering_id', 'template_id'],
  ...['usage_id', 'type', 'size', 'network_id', 'virtual_size', 'cpu_speed', 'cpu_cores'],
  ...['memory', 'is_hidden', 'state', 'start_date', 'end_date', 'lineage', 'cloud_usage_id'],
];
const selected = [
  'LOWER(HEX(r.record_id)) AS record_id',
  ...columns.map((column) => `CAST(r.${column} AS CHAR) AS ${column}`),
].join(', ');

/** By the account and time of the row in cloud_usage, for record has no key by that id. */
async function byId(store: ExplainStore, id: string): Promise<RecordRow[]> {
  const published = await readPublished(store, id);
  if (published === null) return [];
  const within = await records(
    store,
    `r.window_start_ms <= ? AND r.window_end_ms > ? AND r.window_start_ms > ?
     AND r.account_id = ? AND r.cloud_usage_id = ?`,
    // A window is at most a year long.
    [
      published.endMs,
      published.startMs,
      published.startMs - 366 * 86_400_000,
      published.account,
      id,
    ],
  );
  if (within.length > 0) return within;
  // Rows of VM snapshots carry dates of their own.
  return records(store, 'r.account_id = ? AND r.cloud_usage_id = ?', [published.account, id]);
}

/** A window of its own is found by its start, whether it was published or not. */
async function byResource(
  { pool, schema, generation }: ExplainStore,
  { account, type, resource, windowMs }: ResourceQuery,
): Promise<RecordRow[]> {
  const [rows] = await pool.query<RowDataPacket[]>(
    `SELECT ${selected} FROM ${quoteName(schema, 'record')} r
     WHERE r.generation = ? AND r.window_start_ms = ? AND r.account_id = ? AND r.usage_type = ?
       AND (? IS NULL OR r.usage_id = ? OR r.vm_instance_id = ?)
     ORDER BY r.natural_key LIMIT 100`,
    [
      ...[generation.id, windowOf(windowMs, generation.window).startMs, account, type],
      ...[resource, resource, resource],
    ],
  );
  return rows as RecordRow[];
}

/** Window by window, because the key of record begins with it. */
async function records(
  { pool, schema, generation }: ExplainStore,
  where: string,
  values: readonly (string | number | null)[],
): Promise<RecordRow[]> {
  const [rows] = await pool.query<RowDataPacket[]>(
    `SELECT ${selected} FROM ${quoteName(schema, 'published_window')} w
     JOIN ${quoteName(schema, 'record')} r
       ON r.generation = w.generation AND r.window_start_ms = w.window_start_ms
     WHERE w.generation = ? AND ${where} ORDER BY r.window_start_ms, r.natural_key LIMIT 100`,
    [generation.id, ...values],
  );
  return rows as RecordRow[];
}

interface PublishedRow {
  readonly account: string;
  readonly startMs: number;
  readonly endMs: number;
}

async function readPublished(store: ExplainStore, id: string): Promise<PublishedRow | null> {
  const [rows] = await store.pool.query<RowDataPacket[]>(
    `SELECT CAST(account_id AS CHAR) AS account, CAST(start_date AS CHAR) AS start_date,
            CAST(end_date AS CHAR) AS end_date
     FROM ${quoteName(store.cloudUsageSchema, 'cloud_usage')} WHERE id = ?`,
    [id],
  );
  const [row] = rows;
  if (!row) return null;
  const ms = (text: unknown) => Date.parse(`${String(text).replace(' ', 'T')}Z`);
  return {
    account: String(row['account']),
    startMs: ms(row['start_date']),
    endMs: ms(row['end_date']),
  };
}

async function whyUnknown(store: ExplainStore, id: string): Promise<string> {
  const row = await readPublished(store, id);
  const { name } = store.generation;
  return row === null
    ? `cloud_usage has no row ${id}`
    : `row ${id} of cloud_usage (account ${row.account}) is neither of generation ${name} nor of another that was published: a Java usage server wrote it, or a generation that was dropped`;
}

const nothingLike = ({ account, type, resource, windowMs }: ResourceQuery) =>
  `no row of account ${account}, usage type ${type}${resource === null ? '' : `, resource ${resource}`} in the window that holds ${new Date(windowMs).toISOString()}`;
