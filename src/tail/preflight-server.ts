import type { Clock } from '../platform/clock.ts';
import type { Connection, RowDataPacket } from '../platform/mysql.ts';
import type { Finding, PreflightOptions } from './preflight.ts';
import { flavourOf } from './flavour.ts';
import type { Flavour } from './flavour.ts';
import { serverSettings } from './preflight-settings.ts';
import type { Setting, Variables } from './preflight-settings.ts';
import { serverClock } from './server-facts.ts';

/** The settings of the server, its clock and its identity. */
export async function checkServer(
  connection: Connection,
  options: PreflightOptions,
  clock: Clock,
): Promise<readonly Finding[]> {
  const flavour = await flavourOf(connection);
  if (!flavour.isFollowed) return [checkVersion(flavour)];
  const settings = serverSettings[flavour.name];
  const variables = await readVariables(connection, [...settings, ...others]);
  const before = clock.now();
  const serverMs = await serverClock(connection);
  const skewMs = serverMs - (before + clock.now()) / 2;
  return [
    checkVersion(flavour),
    ...settings.map((setting) => checkSetting(setting, variables)),
    checkRetention(Number(variables.get('binlog_expire_logs_seconds'))),
    checkServerId(Number(variables.get('server_id')), options.serverId),
    checkSkew(skewMs),
    checkZone(variables, flavour),
  ];
}

function checkVersion({ version, isFollowed }: Flavour): Finding {
  const check = 'version';
  if (isFollowed) return { check, level: 'ok', found: version };
  return {
    check,
    level: 'fatal',
    found: version,
    why: 'MariaDB 10.6 or newer and MySQL 8.0 or newer are followed',
    fix: 'upgrade this server, or give --source another one',
  };
}

const others = [
  { check: 'binlog_expire_logs_seconds' },
  { check: 'server_id' },
  { check: 'time_zone' },
  { check: 'system_time_zone' },
];

// Older servers lack some: those are as if they had their default, which is what we want.
async function readVariables(
  connection: Connection,
  wanted: readonly { readonly check: string }[],
): Promise<Variables> {
  const [rows] = await connection.query<RowDataPacket[]>(
    'SHOW GLOBAL VARIABLES WHERE Variable_name IN (?)',
    [wanted.map(({ check }) => check)],
  );
  return new Map(rows.map((row) => [String(row['Variable_name']), String(row['Value'])]));
}

function checkSetting(setting: Setting, variables: Variables): Finding {
  const { check, wanted, level, why, fix } = setting;
  const found = variables.get(check);
  if (found === undefined) return { check, level: 'ok', found: 'not known to this version' };
  if (wanted === found.toUpperCase()) return { check, level: 'ok', found };
  return { check, level, found, why, fix };
}

const day = 86_400;

function checkRetention(seconds: number): Finding {
  const check = 'binlog_expire_logs_seconds';
  if (seconds === 0) return { check, level: 'ok', found: 'never purged' };
  const found = `${(seconds / day).toFixed(1)} days`;
  if (seconds >= 3 * day) return { check, level: 'ok', found };
  return {
    check,
    level: 'warning',
    found,
    why: 'a tail that stands still for longer loses its place',
    fix: `SET GLOBAL binlog_expire_logs_seconds = ${7 * day};   (and in my.cnf)`,
  };
}

function checkServerId(theirs: number, ours: number): Finding {
  if (theirs !== ours) return { check: 'server_id', level: 'ok', found: `${theirs}, ours ${ours}` };
  return {
    check: 'server_id',
    level: 'fatal',
    found: `${theirs}, the same as ours`,
    why: 'readers of a binlog need ids of their own',
    fix: `start with another server id than ${ours}`,
  };
}

function checkSkew(skewMs: number): Finding {
  const found = `${Math.round(skewMs)} ms`;
  if (Math.abs(skewMs) <= 5000) return { check: 'clock', level: 'ok', found };
  return {
    check: 'clock',
    level: 'warning',
    found,
    why: "the server's clock is not ours: windows close by the server's",
    fix: 'synchronise both machines by NTP',
  };
}

function checkZone(variables: Variables, { name }: Flavour): Finding {
  const set = variables.get('time_zone');
  const zone = set === 'SYSTEM' ? variables.get('system_time_zone') : set;
  const found = zone ?? '';
  if (/^(utc|gmt|\+00:00|etc\/(utc|gmt))$/i.test(found))
    return { check: 'time_zone', level: 'ok', found };
  return {
    check: 'time_zone',
    level: 'warning',
    found,
    why: 'CloudStack stores GMT; rows written by hand with NOW() would be off',
    fix: `[${name === 'mariadb' ? 'mariadb' : 'mysqld'}] default_time_zone = '+00:00'   (my.cnf, then restart the server)`,
  };
}
