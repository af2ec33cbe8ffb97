-- The aggregate stage: stores events and folds them into rows. Writes UsageStream's own schema alone.
-- Fill in: ${user} ${host} ${password} ${schema} ${cloud_usage}; run as an administrator, after `usagestream migrate`.

CREATE USER IF NOT EXISTS '${user}'@'${host}' IDENTIFIED BY '${password}';

GRANT SELECT ON `${schema}`.* TO '${user}'@'${host}';
GRANT INSERT, UPDATE ON `${schema}`.`generation` TO '${user}'@'${host}';
GRANT INSERT, UPDATE ON `${schema}`.`progress` TO '${user}'@'${host}';
GRANT INSERT, UPDATE, DELETE ON `${schema}`.`event` TO '${user}'@'${host}';
GRANT INSERT, UPDATE, DELETE ON `${schema}`.`late_event` TO '${user}'@'${host}';
GRANT INSERT, UPDATE, DELETE ON `${schema}`.`event_detail` TO '${user}'@'${host}';
GRANT INSERT, UPDATE, DELETE ON `${schema}`.`fact` TO '${user}'@'${host}';
GRANT INSERT, UPDATE, DELETE ON `${schema}`.`account_state` TO '${user}'@'${host}';
GRANT INSERT, UPDATE ON `${schema}`.`record` TO '${user}'@'${host}';
GRANT INSERT, UPDATE ON `${schema}`.`correction` TO '${user}'@'${host}';
GRANT INSERT, UPDATE ON `${schema}`.`dead_letter` TO '${user}'@'${host}';
GRANT INSERT, UPDATE ON `${schema}`.`anomaly` TO '${user}'@'${host}';
GRANT INSERT, UPDATE ON `${schema}`.`helper_change` TO '${user}'@'${host}';
GRANT INSERT, UPDATE ON `${schema}`.`held_record` TO '${user}'@'${host}';
GRANT INSERT, UPDATE, DELETE ON `${schema}`.`closed_window` TO '${user}'@'${host}';
GRANT DELETE ON `${schema}`.`account_repair` TO '${user}'@'${host}';
GRANT INSERT ON `${schema}`.`repaired_window` TO '${user}'@'${host}';

-- Only to see whether a Java usage server has billed here before (`--preset auto`).
GRANT SELECT ON `${cloud_usage}`.`usage_job` TO '${user}'@'${host}';
