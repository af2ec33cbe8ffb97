-- The tail stage: follows the binlog and takes the first snapshot. Reads only.
-- Fill in: ${user} ${host} ${password} ${cloud}, for example with envsubst(1); run as an administrator.
-- The binlog shows every schema of the server to whoever may read it: give this account a host of its own.

CREATE USER IF NOT EXISTS '${user}'@'${host}' IDENTIFIED BY '${password}';

-- On MariaDB 10.5 and later REPLICATION CLIENT is BINLOG MONITOR by its older name, and what a replica has not
-- applied yet is seen by SLAVE MONITOR; MySQL passes over the comment.
GRANT REPLICATION SLAVE, REPLICATION CLIENT /*M!100509 , SLAVE MONITOR */ ON *.* TO '${user}'@'${host}';

-- The columns that are captured, no others: `bucket` has access keys, `configuration` secrets.
GRANT SELECT (`instance`, `name`, `value`) ON `${cloud}`.`configuration` TO '${user}'@'${host}';
GRANT SELECT (`id`, `account_name`, `uuid`, `type`, `role_id`, `domain_id`, `removed`, `cleanup_needed`)
  ON `${cloud}`.`account` TO '${user}'@'${host}';
GRANT SELECT (`id`, `account_id`, `removed`) ON `${cloud}`.`bucket` TO '${user}'@'${host}';
GRANT SELECT (`id`, `public`, `removed`, `account_id`) ON `${cloud}`.`vm_template` TO '${user}'@'${host}';
GRANT SELECT ON `${cloud}`.`user_statistics` TO '${user}'@'${host}';
GRANT SELECT ON `${cloud}`.`vm_disk_statistics` TO '${user}'@'${host}';
GRANT SELECT ON `${cloud}`.`bucket_statistics` TO '${user}'@'${host}';
GRANT SELECT ON `${cloud}`.`usage_event` TO '${user}'@'${host}';
GRANT SELECT ON `${cloud}`.`usage_event_details` TO '${user}'@'${host}';
