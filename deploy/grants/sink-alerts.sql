-- For a sink with `--alerts`: lets it raise and clear the alerts about usage in the management server's
-- schema, on whichever server that is. Nothing else there can be read or written.
-- Fill in: ${user} ${host} ${password} ${cloud}; run as an administrator, on the server of that schema.

CREATE USER IF NOT EXISTS '${user}'@'${host}' IDENTIFIED BY '${password}';

GRANT SELECT (`id`, `type`, `data_center_id`, `pod_id`, `resolved`), INSERT, UPDATE (`resolved`)
  ON `${cloud}`.`alert` TO '${user}'@'${host}';
