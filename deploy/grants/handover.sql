-- Beside sink.sql, for the user of `takeover` and `handback` (one of its own, or the sink's): begins a generation with
-- what a Java usage server left, and ends one. It changes no row of cloud_usage; handback publishes as the sink does.
-- Fill in: ${user} ${host} ${schema} ${cloud_usage}; run as an administrator, after sink.sql.

GRANT SELECT ON `${schema}`.* TO '${user}'@'${host}';
GRANT INSERT, UPDATE ON `${schema}`.`generation` TO '${user}'@'${host}';
GRANT INSERT, UPDATE ON `${schema}`.`progress` TO '${user}'@'${host}';
GRANT INSERT ON `${schema}`.`base_state` TO '${user}'@'${host}';
GRANT INSERT ON `${schema}`.`base_event` TO '${user}'@'${host}';
GRANT INSERT ON `${schema}`.`account_state` TO '${user}'@'${host}';
GRANT INSERT ON `${schema}`.`handover` TO '${user}'@'${host}';
-- `handback --write-tables`: makes the helper tables from the states.
GRANT INSERT ON `${schema}`.`helper_change` TO '${user}'@'${host}';
