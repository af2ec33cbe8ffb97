-- The API: reads results. Fill in: ${user} ${host} ${password} ${schema} ${cloud_usage}; run as an
-- administrator, after `usagestream migrate`.

CREATE USER IF NOT EXISTS '${user}'@'${host}' IDENTIFIED BY '${password}';

GRANT SELECT ON `${schema}`.* TO '${user}'@'${host}';
GRANT SELECT ON `${cloud_usage}`.`cloud_usage` TO '${user}'@'${host}';
-- generateUsageRecords leaves a request here.
GRANT SELECT, INSERT ON `${cloud_usage}`.`usage_job` TO '${user}'@'${host}';
