import type { Flavour } from './flavour.ts';

export type Variables = ReadonlyMap<string, string>;

/** A variable of the server that the tail needs at a certain value. */
export interface Setting {
  /** Name of the variable. */
  readonly check: string;
  readonly wanted: string;
  readonly level: 'warning' | 'fatal';
  readonly why: string;
  /** What sets it right. */
  readonly fix: string;
}

const rowFormat: readonly Setting[] = [
  {
    check: 'binlog_format',
    wanted: 'ROW',
    level: 'fatal',
    why: 'statements do not say which rows they changed',
    fix: "SET GLOBAL binlog_format = 'ROW';   (and in my.cnf; sessions that are open keep theirs)",
  },
  {
    check: 'binlog_row_image',
    wanted: 'FULL',
    level: 'fatal',
    why: 'rows would lack columns',
    fix: "SET GLOBAL binlog_row_image = 'FULL';   (and in my.cnf)",
  },
  {
    check: 'binlog_row_metadata',
    wanted: 'FULL',
    level: 'fatal',
    why: 'rows written before an ALTER TABLE would be read with the wrong columns',
    fix: "SET GLOBAL binlog_row_metadata = 'FULL';   (and in my.cnf)",
  },
];

const logBin = (fix: string): Setting => ({
  check: 'log_bin',
  wanted: 'ON',
  level: 'fatal',
  why: 'without a binlog there is nothing to follow',
  fix,
});

/** What each flavour must have set, as `SHOW GLOBAL VARIABLES` prints it. */
export const serverSettings: Readonly<Record<Flavour['name'], readonly Setting[]>> = {
  mariadb: [
    logBin('[mariadb] log_bin = mariadb-bin   (my.cnf, then restart the server)'),
    ...rowFormat,
  ],
  mysql: [
    logBin('remove skip-log-bin and disable-log-bin from my.cnf, then restart the server'),
    ...rowFormat,
    {
      check: 'gtid_mode',
      wanted: 'ON',
      level: 'fatal',
      why: 'without GTIDs no place in the binlog can be tied to a snapshot without locks, or found again',
      fix:
        "SET GLOBAL enforce_gtid_consistency = 'ON'; SET GLOBAL gtid_mode = 'OFF_PERMISSIVE'; " +
        "SET GLOBAL gtid_mode = 'ON_PERMISSIVE'; SET GLOBAL gtid_mode = 'ON';" +
        '   (and both in my.cnf; leave out the steps it has taken)',
    },
    {
      check: 'binlog_row_value_options',
      wanted: '',
      level: 'fatal',
      why: 'changes would be written in part',
      fix: "SET GLOBAL binlog_row_value_options = '';   (and in my.cnf; sessions that are open keep theirs)",
    },
    {
      check: 'binlog_transaction_compression',
      wanted: 'OFF',
      level: 'warning',
      why: 'compressed transactions are read, but each is held in memory whole in its compressed form',
      fix: 'SET GLOBAL binlog_transaction_compression = OFF;   (and in my.cnf; sessions that are open keep theirs)',
    },
  ],
};
