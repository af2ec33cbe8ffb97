import { helperTables } from '../domain/helper-tables.ts';
import { AppError } from '../platform/errors.ts';
import type { Session } from './session.ts';

const events = [
  ...['id', 'type', 'account_id', 'created', 'zone_id', 'resource_id', 'resource_name'],
  ...['offering_id', 'template_id', 'size', 'resource_type', 'processed', 'virtual_size', 'vm_id'],
].map((column) => `usage_event.${column}`);

const wanted = [
  ...helperTables.flatMap(({ name, columns }) => columns.map((column) => `${name}.${column.name}`)),
  ...events,
  ...['id', 'usage_event_id', 'name', 'value'].map((column) => `usage_event_details.${column}`),
];

/**
 * Looks at the tables that a Java usage server needs to go on.
 * @throws CLOUD_USAGE_MISSING when a table or column is missing, or this user may not see it; without
 *   them the sink runs with helper tables switched off
 */
export async function inspectHelperTables(session: Session, schema: string): Promise<void> {
  const rows = await session.rows(
    'SELECT TABLE_NAME AS t, COLUMN_NAME AS c FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ?',
    [schema],
  );
  const present = new Set(rows.map((row) => `${String(row['t'])}.${String(row['c'])}`));
  const missing = wanted.filter((column) => !present.has(column));
  if (missing.length > 0)
    throw new AppError('CLOUD_USAGE_MISSING', { schema, missing, or: '--helper-tables off' });
}
