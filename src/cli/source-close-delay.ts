import { cloudRules } from '../domain/cloud-rules.ts';
import type { CloudSettings } from '../domain/cloud-rules.ts';
import { isAppError } from '../platform/errors.ts';
import { mysqlCode, mysqlError, openConnection, quoteName } from '../platform/mysql.ts';
import type { MysqlTarget, RowDataPacket } from '../platform/mysql.ts';
import { usageSettings } from '../tail/captured-tables.ts';
import type { SettingValues } from './settings.ts';

type Values = Pick<SettingValues, 'cloudSchema' | 'range' | 'timeZone' | 'closeDelay' | 'until'>;

/**
 * The close delay that a generation made from this source gets, ms. The tail needs it for `--until` alone: its
 * last watermark closes the last window. It asks the source, as the feed may have nothing yet.
 */
export async function sourceCloseDelayMs(v: Values, source: MysqlTarget): Promise<number> {
  const given = { rangeMinutes: v.range, timeZone: v.timeZone, closeDelayMs: v.closeDelay };
  const isNeeded = v.until !== undefined && v.closeDelay === undefined;
  return cloudRules(isNeeded ? await readSettings(source, v) : new Map(), given).closeDelayMs;
}

async function readSettings(source: MysqlTarget, v: Values): Promise<CloudSettings> {
  const connection = await openConnection(source, 'SOURCE');
  try {
    const [rows] = await connection.query<RowDataPacket[]>(
      `SELECT name, value FROM ${quoteName(v.cloudSchema, 'configuration')}
       WHERE instance = 'DEFAULT' AND name IN (?)`,
      [[...usageSettings]],
    );
    return new Map(rows.map((row) => [String(row['name']), row['value'] as string | null]));
  } catch (fault) {
    const known = mysqlError(fault, source, 'SOURCE');
    if (isAppError(known)) throw known;
    // The tail's own preflight says what is missing, and how to mend it.
    if (mysqlCode(fault) === undefined) throw fault;
    return new Map();
  } finally {
    connection.destroy();
  }
}
