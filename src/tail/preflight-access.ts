import type { Connection } from '../platform/mysql.ts';
import { mysqlCode, quoteName } from '../platform/mysql.ts';
import { capturedTables } from './captured-tables.ts';
import type { Finding, PreflightOptions } from './preflight.ts';
import { flavourOf } from './flavour.ts';
import { firstRow } from './first-row.ts';

/** What the user may do, tried out rather than read from grants, which roles and wildcards can hide. */
export async function checkAccess(
  connection: Connection,
  options: PreflightOptions,
): Promise<readonly Finding[]> {
  const user = await currentUser(connection);
  return [
    ...(await checkMonitor(connection, options.cloudSchema, user)),
    await checkReplication(connection, user),
    await checkSelect(connection, options.cloudSchema, user),
  ];
}

/** As a statement of grants names it. */
export async function currentUser(connection: Connection): Promise<string> {
  const text = (await firstRow(connection, 'SELECT CURRENT_USER() who'))?.['who'] ?? '';
  const at = text.lastIndexOf('@');
  return `'${text.slice(0, at)}'@'${text.slice(at + 1)}'`;
}

async function checkMonitor(
  connection: Connection,
  cloudSchema: string,
  user: string,
): Promise<readonly Finding[]> {
  const { name, showEnd } = await flavourOf(connection);
  const right = name === 'mariadb' ? 'BINLOG MONITOR' : 'REPLICATION CLIENT';
  const check = `grant ${right}`;
  try {
    const status = await firstRow(connection, showEnd);
    const granted: Finding = { check, level: 'ok', found: 'granted' };
    return status ? [granted, checkFilter(status, cloudSchema)] : [granted];
  } catch (error) {
    if (!isDenied(error)) throw error;
    return [
      {
        check,
        level: 'fatal',
        found: 'denied',
        fix: `GRANT ${right} ON *.* TO ${user};`,
      },
    ];
  }
}

function checkFilter(
  status: Readonly<Record<string, string | null>>,
  cloudSchema: string,
): Finding {
  const only = (status['Binlog_Do_DB'] ?? '').split(',').filter((name) => name !== '');
  const not = (status['Binlog_Ignore_DB'] ?? '').split(',');
  const written = (only.length === 0 || only.includes(cloudSchema)) && !not.includes(cloudSchema);
  if (written) return { check: 'binlog filter', level: 'ok', found: `${cloudSchema} is written` };
  return {
    check: 'binlog filter',
    level: 'fatal',
    found: `${cloudSchema} is left out`,
    why: 'its changes never reach the binlog',
    fix: `remove binlog_do_db and binlog_ignore_db for ${cloudSchema} from my.cnf, then restart the server`,
  };
}

async function checkReplication(connection: Connection, user: string): Promise<Finding> {
  const check = 'grant REPLICATION SLAVE';
  const [rows] = await connection.query({ sql: 'SHOW GRANTS', rowsAsArray: true });
  const grants = (rows as unknown as string[][]).map((row) => String(row[0]));
  const global = grants.filter((grant) => / ON \*\.\* TO /.test(grant));
  if (
    global.some((grant) => /\bREPLICATION (SLAVE|REPLICA)\b(?! ADMIN)|ALL PRIVILEGES/.test(grant))
  )
    return { check, level: 'ok', found: 'granted' };
  return {
    check,
    level: 'fatal',
    found: 'not granted',
    fix: `GRANT REPLICATION SLAVE ON *.* TO ${user};`,
  };
}

async function checkSelect(
  connection: Connection,
  cloudSchema: string,
  user: string,
): Promise<Finding> {
  const check = 'grant SELECT';
  const denied: string[] = [];
  for (const table of capturedTables) {
    const name = quoteName(cloudSchema, table.name);
    try {
      await connection.query(`SELECT 1 FROM ${name} LIMIT 0`);
    } catch (error) {
      if (isDenied(error)) denied.push(name);
      // A table that is missing is found with its columns.
      else if (mysqlCode(error) !== 'ER_NO_SUCH_TABLE' && mysqlCode(error) !== 'ER_BAD_DB_ERROR')
        throw error;
    }
  }
  if (denied.length === 0) return { check, level: 'ok', found: 'granted' };
  return {
    check,
    level: 'fatal',
    found: `denied for ${denied.join(', ')}`,
    fix: denied.map((name) => `GRANT SELECT ON ${name} TO ${user};`).join(' '),
  };
}

const isDenied = (error: unknown): boolean =>
  /^ER_(SPECIFIC_|TABLE|DB|COLUMN)?ACCESS_?DENIED/.test(mysqlCode(error) ?? '');
