-- `usagestream repair`: reads as `audit` does, and changes rows of cloud_usage, the helper tables and the
-- processed marks of events. No right on any quota table but to read what was charged.
-- Fill in: ${user} ${host} ${password} ${cloud_usage} ${cloud}; run as an administrator.

CREATE USER IF NOT EXISTS '${user}'@'${host}' IDENTIFIED BY '${password}';

GRANT SELECT, INSERT, DELETE, UPDATE (`is_hidden`) ON `${cloud_usage}`.`cloud_usage` TO '${user}'@'${host}';
GRANT SELECT ON `${cloud_usage}`.`usage_job` TO '${user}'@'${host}';
GRANT SELECT, UPDATE (`processed`) ON `${cloud_usage}`.`usage_event` TO '${user}'@'${host}';
GRANT SELECT ON `${cloud_usage}`.`usage_event_details` TO '${user}'@'${host}';
GRANT SELECT ON `${cloud_usage}`.`account` TO '${user}'@'${host}';
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
GRANT SELECT ON `${cloud_usage}`.`usage_network` TO '${user}'@'${host}';
GRANT SELECT ON `${cloud_usage}`.`usage_vm_disk` TO '${user}'@'${host}';

-- Credits to issue: what quota took for rows that are too much. Without it they are listed without an amount.
GRANT SELECT ON `${cloud_usage}`.`quota_usage` TO '${user}'@'${host}';

-- The management server's schema, where it is on the same server: settings, events and statistics that were
-- never copied, public templates of removed accounts. Leave these out otherwise; the report then says so.
GRANT SELECT (`name`, `value`) ON `${cloud}`.`configuration` TO '${user}'@'${host}';
GRANT SELECT (`id`) ON `${cloud}`.`usage_event` TO '${user}'@'${host}';
GRANT SELECT (`id`) ON `${cloud}`.`user_statistics` TO '${user}'@'${host}';
GRANT SELECT (`id`) ON `${cloud}`.`vm_disk_statistics` TO '${user}'@'${host}';
GRANT SELECT (`id`) ON `${cloud}`.`bucket_statistics` TO '${user}'@'${host}';
GRANT SELECT (`id`, `account_id`, `public`, `removed`) ON `${cloud}`.`vm_template` TO '${user}'@'${host}';
GRANT SELECT (`id`) ON `${cloud_usage}`.`user_statistics` TO '${user}'@'${host}';
GRANT SELECT (`id`) ON `${cloud_usage}`.`vm_disk_statistics` TO '${user}'@'${host}';
GRANT SELECT (`id`) ON `${cloud_usage}`.`bucket_statistics` TO '${user}'@'${host}';
