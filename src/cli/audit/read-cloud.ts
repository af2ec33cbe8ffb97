import { u64 } from '../../contracts/ids.ts';
import type { AccountId } from '../../contracts/ids.ts';
import type { Account, Template } from '../../contracts/feed-record.ts';
import { parseSqlDateTime } from '../../contracts/time.ts';
import { mysqlCode, quoteName } from '../../platform/mysql.ts';
import { text } from './read-history.ts';
import type { Reader, TableRow } from './reader.ts';

const pageRows = 500;

/** Every account that the usage server knows, by id. */
export async function* accounts(reader: Reader, schema: string): AsyncGenerator<Account> {
  let after = '0';
  for (;;) {
    const rows = await reader.rows(
      `SELECT id, account_name, uuid, type, role_id, domain_id, removed, cleanup_needed
       FROM ${quoteName(schema, 'account')} WHERE id > ? ORDER BY id LIMIT ${pageRows}`,
      [after],
    );
    for (const row of rows) yield accountOf(row);
    if (rows.length < pageRows) return;
    after = text(rows.at(-1)?.['id']);
  }
}

function accountOf(row: TableRow): Account {
  const number = (name: string) => (row[name] === null ? null : u64(text(row[name])));
  return {
    id: u64<AccountId>(text(row['id'])),
    name: row['account_name'] === null ? null : text(row['account_name']),
    uuid: row['uuid'] === null ? null : text(row['uuid']),
    type: Number(row['type']),
    roleId: number('role_id'),
    domainId: number('domain_id'),
    removedMs: row['removed'] === null ? null : parseSqlDateTime(text(row['removed'])),
    cleanupNeeded: Number(row['cleanup_needed']) !== 0,
  };
}

/** What is read of `cloud`, where it is on the same server and may be read. */
export interface CloudFacts {
  readonly isReachable: boolean;
  readonly settings: ReadonlyMap<string, string | null>;
  readonly losses: readonly LateIdLoss[];
}

/** Rows of `cloud` that the copies in cloud_usage passed over, since they committed after a higher id. */
export interface LateIdLoss {
  readonly table: string;
  readonly rows: number;
  /** The first of them. */
  readonly ids: readonly string[];
}

const settingNames = [
  'usage.stats.job.aggregation.range',
  'usage.snapshot.virtualsize.select',
  'usage.aggregation.timezone',
] as const;
const copiedTables = [
  'usage_event',
  'user_statistics',
  'vm_disk_statistics',
  'bucket_statistics',
] as const;
const listedIds = 20;

/** @returns with isReachable false when `cloud` is elsewhere, or may not be read */
export async function readCloud(
  reader: Reader,
  cloud: string,
  cloudUsage: string,
): Promise<CloudFacts> {
  try {
    const rows = await reader.rows(
      `SELECT name, value FROM ${quoteName(cloud, 'configuration')} WHERE name IN (?)`,
      [settingNames],
    );
    const losses: LateIdLoss[] = [];
    for (const table of copiedTables) {
      const [copy, source] = [quoteName(cloudUsage, table), quoteName(cloud, table)];
      const lost = `FROM ${source} AS s LEFT JOIN ${copy} AS c ON c.id = s.id
        WHERE c.id IS NULL AND s.id < (SELECT MAX(id) FROM ${copy})`;
      const [count] = await reader.rows(`SELECT COUNT(*) AS n ${lost}`);
      const n = Number(count?.['n']);
      if (n === 0) continue;
      const ids = await reader.rows(`SELECT s.id ${lost} ORDER BY s.id LIMIT ${listedIds}`);
      losses.push({ table, rows: n, ids: ids.map((row) => text(row['id'])) });
    }
    const settings = rows.map(
      (row) => [text(row['name']), row['value'] === null ? null : text(row['value'])] as const,
    );
    return { isReachable: true, settings: new Map(settings), losses };
  } catch (error) {
    if (!isOutOfReach(error)) throw error;
    return { isReachable: false, settings: new Map(), losses: [] };
  }
}

/** The public templates that a removed account left behind. */
export async function publicTemplates(
  reader: Reader,
  cloud: string,
  accountId: AccountId,
): Promise<Template[]> {
  const rows = await reader.rows(
    `SELECT id FROM ${quoteName(cloud, 'vm_template')}
     WHERE account_id = ? AND public = 1 AND removed IS NULL ORDER BY id`,
    [accountId],
  );
  return rows.map((row) => ({
    ...{ id: u64(text(row['id'])), accountId, isPublic: true, removedMs: null },
  }));
}

const outOfReach = [
  ...['ER_BAD_DB_ERROR', 'ER_NO_SUCH_TABLE', 'ER_TABLEACCESS_DENIED_ERROR'],
  ...['ER_DBACCESS_DENIED_ERROR', 'ER_COLUMNACCESS_DENIED_ERROR', 'ER_BAD_FIELD_ERROR'],
];

/** True when an error of {@link Reader} only says that a schema or table may not be read. */
export function isOutOfReach(error: unknown): boolean {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return outOfReach.includes(mysqlCode(cause) ?? '');
}
