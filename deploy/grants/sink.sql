-- The sink stage: publishes windows into CloudStack's tables. It adds rows to cloud_usage and can change
-- or delete none (sink-amend.sql lets it change some); it has no right on any quota table, nor on the management server's schema.
-- Fill in: ${user} ${host} ${password} ${schema} ${cloud_usage}; run as an administrator, after `usagestream migrate`.
-- All sinks use one account: a successor ends its predecessor's connection, which needs no right but that.

CREATE USER IF NOT EXISTS '${user}'@'${host}' IDENTIFIED BY '${password}';

GRANT SELECT ON `${schema}`.`schema_version` TO '${user}'@'${host}';
GRANT SELECT ON `${schema}`.`generation` TO '${user}'@'${host}';
GRANT SELECT ON `${schema}`.`succession` TO '${user}'@'${host}';
GRANT SELECT, UPDATE (`state`, `answer`, `answered_at`) ON `${schema}`.`cutover` TO '${user}'@'${host}';
GRANT SELECT ON `${schema}`.`progress` TO '${user}'@'${host}';
-- INSERT: rows of missing time that the close of a window left for amends that are refused.
GRANT SELECT, INSERT, UPDATE (`cloud_usage_id`) ON `${schema}`.`record` TO '${user}'@'${host}';
GRANT SELECT (`generation`, `incomplete_from_ms`) ON `${schema}`.`account_state` TO '${user}'@'${host}';
GRANT SELECT ON `${schema}`.`held_record` TO '${user}'@'${host}';
GRANT SELECT, UPDATE (`state`, `state_reason`) ON `${schema}`.`correction` TO '${user}'@'${host}';
GRANT SELECT, INSERT, UPDATE (`row_count`) ON `${schema}`.`published_window` TO '${user}'@'${host}';
GRANT SELECT, INSERT, DELETE ON `${schema}`.`outbox` TO '${user}'@'${host}';
GRANT SELECT, UPDATE (`relayed`) ON `${schema}`.`dead_letter` TO '${user}'@'${host}';
GRANT SELECT, DELETE ON `${schema}`.`repaired_window` TO '${user}'@'${host}';
GRANT INSERT ON `${schema}`.`anomaly` TO '${user}'@'${host}';
GRANT SELECT, INSERT, UPDATE ON `${schema}`.`lease` TO '${user}'@'${host}';
GRANT SELECT ON `${schema}`.`handover` TO '${user}'@'${host}';
GRANT SELECT, DELETE ON `${schema}`.`helper_change` TO '${user}'@'${host}';

-- Mode primary; leave these out for a sink that only ever runs in shadow mode.
GRANT SELECT, INSERT ON `${cloud_usage}`.`cloud_usage` TO '${user}'@'${host}';
GRANT SELECT, INSERT, UPDATE, DELETE ON `${cloud_usage}`.`usage_job` TO '${user}'@'${host}';

-- Mode primary with helper tables: what a Java usage server needs to go on. Leave these out for a sink with
-- `--helper-tables off`. None of these tables is read by CloudStack's API, or by quota.
GRANT SELECT, INSERT, DELETE, UPDATE (`helper_id`) ON `${schema}`.`helper_row` TO '${user}'@'${host}';
GRANT SELECT ON `${schema}`.`event` TO '${user}'@'${host}';
GRANT SELECT ON `${schema}`.`event_detail` TO '${user}'@'${host}';
GRANT INSERT ON `${schema}`.`anomaly` TO '${user}'@'${host}';
GRANT SELECT, INSERT, UPDATE (`processed`) ON `${cloud_usage}`.`usage_event` TO '${user}'@'${host}';
GRANT SELECT, INSERT ON `${cloud_usage}`.`usage_event_details` TO '${user}'@'${host}';
GRANT SELECT, INSERT, UPDATE ON `${cloud_usage}`.`account` TO '${user}'@'${host}';
GRANT SELECT, INSERT, UPDATE ON `${cloud_usage}`.`user_statistics` TO '${user}'@'${host}';
GRANT SELECT, INSERT, UPDATE ON `${cloud_usage}`.`vm_disk_statistics` TO '${user}'@'${host}';
GRANT SELECT, INSERT, UPDATE ON `${cloud_usage}`.`bucket_statistics` TO '${user}'@'${host}';
GRANT SELECT, INSERT, UPDATE, DELETE ON `${cloud_usage}`.`usage_vm_instance` TO '${user}'@'${host}';
GRANT SELECT, INSERT, UPDATE, DELETE ON `${cloud_usage}`.`usage_volume` TO '${user}'@'${host}';
GRANT SELECT, INSERT, UPDATE, DELETE ON `${cloud_usage}`.`usage_storage` TO '${user}'@'${host}';
GRANT SELECT, INSERT, UPDATE, DELETE ON `${cloud_usage}`.`usage_ip_address` TO '${user}'@'${host}';
GRANT SELECT, INSERT, UPDATE, DELETE ON `${cloud_usage}`.`usage_load_balancer_policy` TO '${user}'@'${host}';
GRANT SELECT, INSERT, UPDATE, DELETE ON `${cloud_usage}`.`usage_port_forwarding` TO '${user}'@'${host}';
GRANT SELECT, INSERT, UPDATE, DELETE ON `${cloud_usage}`.`usage_network_offering` TO '${user}'@'${host}';
GRANT SELECT, INSERT, UPDATE, DELETE ON `${cloud_usage}`.`usage_vpn_user` TO '${user}'@'${host}';
GRANT SELECT, INSERT, UPDATE, DELETE ON `${cloud_usage}`.`usage_security_group` TO '${user}'@'${host}';
GRANT SELECT, INSERT, UPDATE, DELETE ON `${cloud_usage}`.`usage_vmsnapshot` TO '${user}'@'${host}';
GRANT SELECT, INSERT, UPDATE, DELETE ON `${cloud_usage}`.`usage_snapshot_on_primary` TO '${user}'@'${host}';
GRANT SELECT, INSERT, UPDATE, DELETE ON `${cloud_usage}`.`usage_backup` TO '${user}'@'${host}';
GRANT SELECT, INSERT, UPDATE, DELETE ON `${cloud_usage}`.`usage_networks` TO '${user}'@'${host}';
GRANT SELECT, INSERT, UPDATE, DELETE ON `${cloud_usage}`.`usage_vpc` TO '${user}'@'${host}';
GRANT SELECT, INSERT, UPDATE ON `${cloud_usage}`.`usage_network` TO '${user}'@'${host}';
GRANT SELECT, INSERT, UPDATE ON `${cloud_usage}`.`usage_vm_disk` TO '${user}'@'${host}';
