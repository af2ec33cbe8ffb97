-- Beside sink.sql, for a sink with `--corrections amend` and for no other: lets it change rows of cloud_usage that
-- no quota has seen. It still has no right on quota_calculated, nor on any quota table.
-- Fill in: ${user} ${host} ${schema} ${cloud_usage}; run as an administrator, after sink.sql.

GRANT UPDATE (`raw_usage`, `usage_display`, `zone_id`, `description`, `vm_instance_id`, `vm_name`,
  `offering_id`, `template_id`, `usage_id`, `type`, `size`, `network_id`, `virtual_size`,
  `cpu_speed`, `cpu_cores`, `memory`, `is_hidden`, `state`, `start_date`, `end_date`)
  ON `${cloud_usage}`.`cloud_usage` TO '${user}'@'${host}';
-- What was changed, from what, into what.
GRANT UPDATE (`amended_id`, `amended_from`, `amended_into`, `amended_at`) ON `${schema}`.`correction`
  TO '${user}'@'${host}';
-- Whether quota is on.
GRANT SELECT ON `${schema}`.`fact` TO '${user}'@'${host}';
