-- The sink stage: publishes windows into CloudStack's tables. It adds rows to cloud_usage and can change
-- or delete none; it has no right on any quota table, nor on the management server's schema.
-- Fill in: ${user} ${host} ${password} ${schema} ${cloud_usage}; run as an administrator, after `usagestream migrate`.
-- All sinks use one account: a successor ends its predecessor's connection, which needs no right but that.

CREATE USER IF NOT EXISTS '${user}'@'${host}' IDENTIFIED BY '${password}';

GRANT SELECT ON `${schema}`.`generation` TO '${user}'@'${host}';
GRANT SELECT ON `${schema}`.`progress` TO '${user}'@'${host}';
GRANT SELECT, UPDATE (`cloud_usage_id`) ON `${schema}`.`record` TO '${user}'@'${host}';
GRANT SELECT, INSERT, UPDATE (`row_count`) ON `${schema}`.`published_window` TO '${user}'@'${host}';
GRANT SELECT, INSERT, DELETE ON `${schema}`.`outbox` TO '${user}'@'${host}';
GRANT SELECT, UPDATE (`relayed`) ON `${schema}`.`dead_letter` TO '${user}'@'${host}';
GRANT SELECT, DELETE ON `${schema}`.`repaired_window` TO '${user}'@'${host}';
GRANT INSERT ON `${schema}`.`anomaly` TO '${user}'@'${host}';
GRANT SELECT, INSERT, UPDATE ON `${schema}`.`lease` TO '${user}'@'${host}';

-- Mode primary; leave these out for a sink that only ever runs in shadow mode.
GRANT SELECT, INSERT ON `${cloud_usage}`.`cloud_usage` TO '${user}'@'${host}';
GRANT SELECT, INSERT, UPDATE, DELETE ON `${cloud_usage}`.`usage_job` TO '${user}'@'${host}';
