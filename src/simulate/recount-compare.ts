/** The recount's second half: intervals cut into windows, and the rows of cloud_usage beside them. */

/** Usage types that the recount knows. */
export const recountedTypes: readonly number[] = [1, 2, 3, 6, 13];

export const makeWindows = (u: string): string => `
  CREATE TEMPORARY TABLE ${u}.recount_window (start_s BIGINT NOT NULL PRIMARY KEY, end_s BIGINT NOT NULL) ENGINE=InnoDB`;

/**
 * One row a key and window, in milliseconds, both ends counted: a resource that ends in the first
 * second of a window still bills one. Accounts removed more than three days before a window are not billed.
 */
export const expectRows = (cloud: string, u: string): string => `
  CREATE TEMPORARY TABLE ${u}.recount_expected (
    account_id BIGINT UNSIGNED NOT NULL, usage_type INT NOT NULL, start_s BIGINT NOT NULL, end_s BIGINT NOT NULL,
    identity VARCHAR(191) CHARACTER SET ascii NOT NULL, attributes VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL,
    ms BIGINT NOT NULL,
    KEY (account_id, usage_type, start_s, identity)
  ) ENGINE=InnoDB AS
  SELECT account_id, usage_type, start_s, end_s,
         MAX(CASE WHEN newest = 1 THEN identity END) AS identity,
         MAX(CASE WHEN newest = 1 THEN attributes END) AS attributes,
         SUM(ms) AS ms
  FROM (
    SELECT i.account_id, i.usage_type, i.merge_key, i.identity, i.attributes, w.start_s, w.end_s,
           LEAST(IFNULL(i.end_s * 1000, w.end_s * 1000 - 1), w.end_s * 1000 - 1)
             - GREATEST(i.begin_s, w.start_s) * 1000 + 1 AS ms,
           ROW_NUMBER() OVER (
             PARTITION BY i.account_id, i.usage_type, i.merge_key, w.start_s
             ORDER BY i.ord DESC, i.id DESC) AS newest
    FROM ${u}.recount_window w
    JOIN ${u}.recount_interval i ON i.begin_s < w.end_s AND (i.end_s IS NULL OR i.end_s >= w.start_s)
      AND (i.moved_s IS NULL OR i.moved_s >= w.end_s)
    JOIN ${cloud}.account a ON a.id = i.account_id AND (a.removed IS NULL
      OR a.removed >= FROM_UNIXTIME(0) + INTERVAL w.start_s SECOND - INTERVAL 3 DAY)
  ) piece
  GROUP BY account_id, usage_type, merge_key, start_s, end_s
  HAVING SUM(ms) > 0`;

/** The rows of cloud_usage that touch the time, with the same identity and attributes in text. */
export const readRows = (u: string, fromS: number, untilS: number): string => `
  CREATE TEMPORARY TABLE ${u}.recount_actual (
    id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    account_id BIGINT UNSIGNED NOT NULL, usage_type INT NOT NULL, start_s BIGINT NOT NULL, end_s BIGINT NOT NULL,
    identity VARCHAR(191) CHARACTER SET ascii NOT NULL, attributes VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL,
    ms DOUBLE NOT NULL,
    KEY (account_id, usage_type, start_s, identity)
  ) ENGINE=InnoDB AS
  SELECT id, account_id, usage_type,
         TIMESTAMPDIFF(SECOND, '1970-01-01', start_date) AS start_s,
         TIMESTAMPDIFF(SECOND, '1970-01-01', end_date) + 1 AS end_s,
         CASE usage_type
           WHEN 3 THEN IFNULL(usage_id, '-')
           WHEN 6 THEN CONCAT_WS('-', IFNULL(usage_id, '-'), IFNULL(offering_id, 'null'),
                                 IFNULL(vm_instance_id, 'null'), IFNULL(size, '-'))
           WHEN 13 THEN CONCAT_WS('/', IFNULL(vm_instance_id, '-'), IFNULL(offering_id, '-'))
           ELSE CONCAT_WS('/', IFNULL(vm_instance_id, '-'), IFNULL(offering_id, '-'),
                          IFNULL(cpu_cores, '-'), IFNULL(cpu_speed, '-'), IFNULL(memory, '-'))
         END AS identity,
         CASE usage_type
           WHEN 3 THEN CONCAT_WS('/', zone_id, size, type, is_hidden)
           WHEN 6 THEN CONCAT_WS('/', zone_id, IFNULL(template_id, 'null'))
           WHEN 13 THEN CONCAT_WS('/', zone_id, usage_id)
           ELSE CONCAT_WS('/', zone_id, template_id, type)
         END AS attributes,
         raw_usage * 3600000 AS ms
  FROM ${u}.cloud_usage
  WHERE usage_type IN (${recountedTypes.join(', ')})
    AND end_date >= FROM_UNIXTIME(0) + INTERVAL ${fromS} SECOND
    AND start_date < FROM_UNIXTIME(0) + INTERVAL ${untilS} SECOND`;

const sameRow = `a.account_id = e.account_id AND a.usage_type = e.usage_type AND a.start_s = e.start_s
  AND a.end_s = e.end_s AND a.identity = e.identity`;

/** Four roundings to a 32-bit float (ms, /1000, /60, /60), each of half a unit in 2^-23: 2^-22 in all. */
const unequal = `(ABS(a.ms - e.ms) > e.ms * POW(2, -22) OR a.attributes <> e.attributes)`;

const columns = (of: 'a' | 'e'): string =>
  `${of}.account_id, ${of}.usage_type, ${of}.identity, ${of}.start_s, ${of}.end_s`;

/** Each select gives: account_id, usage_type, identity, start_s, end_s, expected, found. */
export const findings = (u: string) => ({
  missing: `SELECT ${columns('e')}, CONCAT(e.ms, ' ms ', e.attributes) AS expected, NULL AS found
    FROM ${u}.recount_expected e LEFT JOIN ${u}.recount_actual a ON ${sameRow} WHERE a.id IS NULL`,
  surplus: `SELECT ${columns('a')}, NULL AS expected, CONCAT(a.ms, ' ms ', a.attributes) AS found
    FROM ${u}.recount_actual a LEFT JOIN ${u}.recount_expected e ON ${sameRow} WHERE e.ms IS NULL`,
  different: `SELECT ${columns('e')}, CONCAT(e.ms, ' ms ', e.attributes) AS expected,
      CONCAT(a.ms, ' ms ', a.attributes) AS found
    FROM ${u}.recount_expected e JOIN ${u}.recount_actual a ON ${sameRow} WHERE ${unequal}`,
  duplicates: `SELECT ${columns('a')}, NULL AS expected, CONCAT('row ', a.id, ' repeats row ', a.first_id) AS found
    FROM (SELECT r.*, MIN(id) OVER (PARTITION BY account_id, usage_type, identity, start_s, end_s) AS first_id
          FROM ${u}.recount_actual r) a
    WHERE a.id <> a.first_id`,
});

export const countExpected = (u: string): string =>
  `SELECT COUNT(*) AS n FROM ${u}.recount_expected`;

/** Rows of cloud_usage by usage type or by account. */
export const rowsBy = (u: string, column: 'usage_type' | 'account_id'): string =>
  `SELECT ${column} AS name, COUNT(*) AS n FROM ${u}.recount_actual GROUP BY ${column} ORDER BY ${column}`;
