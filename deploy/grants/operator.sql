-- An operator at the command line: `dead-letters`, `status`. Reads UsageStream's own schema; replays.
-- Fill in: ${user} ${host} ${password} ${schema}; run as an administrator, after `usagestream migrate`.

CREATE USER IF NOT EXISTS '${user}'@'${host}' IDENTIFIED BY '${password}';

GRANT SELECT ON `${schema}`.* TO '${user}'@'${host}';
GRANT INSERT ON `${schema}`.`dead_letter_replay` TO '${user}'@'${host}';
GRANT INSERT ON `${schema}`.`account_repair` TO '${user}'@'${host}';
-- Fences the worker that folds an account again.
GRANT UPDATE (`epoch`) ON `${schema}`.`progress` TO '${user}'@'${host}';
