import type { Clock } from '../platform/clock.ts';
import type { Connection } from '../platform/mysql.ts';
import type { Finding, PreflightOptions } from './preflight.ts';
import { firstRow, serverClock } from './server-facts.ts';

type Variables = Readonly<Record<string, string | null>>;

const sql = `SELECT VERSION() version, @@GLOBAL.log_bin log_bin, @@GLOBAL.binlog_format format,
  @@GLOBAL.binlog_row_image image, @@GLOBAL.binlog_row_metadata metadata,
  @@GLOBAL.log_bin_compress compress, @@GLOBAL.binlog_expire_logs_seconds expire,
  @@GLOBAL.server_id server_id, @@GLOBAL.time_zone zone, @@GLOBAL.system_time_zone system_zone`;

/** The settings of the server, its clock and its identity. */
export async function checkServer(
  connection: Connection,
  options: PreflightOptions,
  clock: Clock,
): Promise<readonly Finding[]> {
  const version = (await firstRow(connection, 'SELECT VERSION() version'))?.['version'] ?? '';
  const flavour = checkVersion(version);
  if (flavour.level === 'fatal') return [flavour];
  const variables = (await firstRow(connection, sql)) ?? {};
  const before = clock.now();
  const serverMs = await serverClock(connection);
  const skewMs = serverMs - (before + clock.now()) / 2;
  return [
    flavour,
    ...settings.map((setting) => checkSetting(setting, variables)),
    checkRetention(Number(variables['expire'])),
    checkServerId(Number(variables['server_id']), options.serverId),
    checkSkew(skewMs),
    checkZone(variables),
  ];
}

function checkVersion(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part));
  const isMariaDb = /mariadb/i.test(version);
  const recent = major > 10 || (major === 10 && minor >= 6);
  return {
    check: 'version',
    level: isMariaDb && recent ? 'ok' : 'fatal',
    found: version,
    ...(isMariaDb && recent
      ? {}
      : {
          why: 'MariaDB 10.6 or newer is followed',
          fix: 'upgrade this server, or give --source a MariaDB 10.6+ server',
        }),
  };
}

interface Setting {
  readonly check: string;
  readonly column: string;
  readonly wanted: readonly string[];
  readonly level: 'warning' | 'fatal';
  readonly why: string;
  readonly fix: string;
}

const settings: readonly Setting[] = [
  {
    check: 'log_bin',
    column: 'log_bin',
    wanted: ['1', 'ON'],
    level: 'fatal',
    why: 'without a binlog there is nothing to follow',
    fix: '[mariadb] log_bin = mariadb-bin   (my.cnf, then restart the server)',
  },
  {
    check: 'binlog_format',
    column: 'format',
    wanted: ['ROW'],
    level: 'fatal',
    why: 'statements do not say which rows they changed',
    fix: "SET GLOBAL binlog_format = 'ROW';   (and in my.cnf; sessions that are open keep theirs)",
  },
  {
    check: 'binlog_row_image',
    column: 'image',
    wanted: ['FULL'],
    level: 'fatal',
    why: 'rows would lack columns',
    fix: "SET GLOBAL binlog_row_image = 'FULL';   (and in my.cnf)",
  },
  {
    check: 'binlog_row_metadata',
    column: 'metadata',
    wanted: ['FULL'],
    level: 'fatal',
    why: 'rows written before an ALTER TABLE would be read with the wrong columns',
    fix: "SET GLOBAL binlog_row_metadata = 'FULL';   (and in my.cnf)",
  },
  {
    check: 'log_bin_compress',
    column: 'compress',
    wanted: ['0', 'OFF'],
    level: 'fatal',
    why: 'compressed changes cannot be trusted to be read',
    fix: 'SET GLOBAL log_bin_compress = OFF;   (and in my.cnf)',
  },
];

function checkSetting(setting: Setting, variables: Variables): Finding {
  const { check, column, wanted, level, why, fix } = setting;
  const found = variables[column] ?? '';
  if (wanted.includes(found.toUpperCase())) return { check, level: 'ok', found };
  return { check, level, found: found === '0' ? 'OFF' : found === '1' ? 'ON' : found, why, fix };
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

function checkZone(variables: Variables): Finding {
  const zone = variables['zone'] === 'SYSTEM' ? variables['system_zone'] : variables['zone'];
  const found = zone ?? '';
  if (/^(utc|gmt|\+00:00|etc\/(utc|gmt))$/i.test(found))
    return { check: 'time_zone', level: 'ok', found };
  return {
    check: 'time_zone',
    level: 'warning',
    found,
    why: 'CloudStack stores GMT; rows written by hand with NOW() would be off',
    fix: "[mariadb] default_time_zone = '+00:00'   (my.cnf, then restart the server)",
  };
}
