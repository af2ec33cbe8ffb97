-- An operator who rebuilds: `rebuild`, `replay`, `diff`, `savepoint`, `generations`, `cutover`, `rollback`.
-- Writes UsageStream's own schema alone; a cutover is a request that the sink carries out.
-- Fill in: ${user} ${host} ${password} ${schema} ${cloud_usage}; run as an administrator, after `usagestream migrate`.

CREATE USER IF NOT EXISTS '${user}'@'${host}' IDENTIFIED BY '${password}';

GRANT SELECT, INSERT, UPDATE, DELETE ON `${schema}`.* TO '${user}'@'${host}';
-- `diff live` and `diff java:…`, and what a cutover would change.
GRANT SELECT ON `${cloud_usage}`.* TO '${user}'@'${host}';
