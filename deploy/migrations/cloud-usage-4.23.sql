-- The tables of cloud_usage as CloudStack 4.23 has them: for a database without CloudStack
-- (demo, tests, a separate billing server). Applied by `usagestream migrate --with-cloud-usage`,
-- table by table, only where one is missing.

CREATE TABLE IF NOT EXISTS `account` (
  `id` bigint(20) unsigned NOT NULL,
  `account_name` varchar(100) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NULL DEFAULT NULL,
  `uuid` varchar(40) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NULL DEFAULT NULL,
  `type` int(1) unsigned NOT NULL,
  `role_id` bigint(20) unsigned NULL DEFAULT NULL,
  `domain_id` bigint(20) unsigned NULL DEFAULT NULL,
  `state` varchar(10) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NOT NULL DEFAULT 'enabled',
  `created` datetime NULL DEFAULT NULL,
  `removed` datetime NULL DEFAULT NULL,
  `cleanup_needed` tinyint(1) NOT NULL DEFAULT 0,
  `network_domain` varchar(100) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NULL DEFAULT NULL,
  `default_zone_id` bigint(20) unsigned NULL DEFAULT NULL,
  `default` int(1) unsigned NOT NULL DEFAULT 0,
  `api_key_access` tinyint(1) NULL DEFAULT NULL,
  KEY `i_account__removed` (`removed`),
  PRIMARY KEY (`id`),
  UNIQUE KEY `uc_account__uuid` (`uuid`)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS `bucket_statistics` (
  `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `account_id` bigint(20) unsigned NOT NULL,
  `bucket_id` bigint(20) unsigned NOT NULL,
  `size` bigint(20) unsigned NULL DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS `cloud_usage` (
  `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `zone_id` bigint(20) unsigned NOT NULL,
  `account_id` bigint(20) unsigned NOT NULL,
  `domain_id` bigint(20) unsigned NOT NULL,
  `description` varchar(1024) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NOT NULL,
  `usage_display` varchar(255) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NOT NULL,
  `usage_type` int(1) unsigned NULL DEFAULT NULL,
  `raw_usage` double unsigned NOT NULL,
  `vm_instance_id` bigint(20) unsigned NULL DEFAULT NULL,
  `vm_name` varchar(255) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NULL DEFAULT NULL,
  `offering_id` bigint(20) unsigned NULL DEFAULT NULL,
  `template_id` bigint(20) unsigned NULL DEFAULT NULL,
  `usage_id` bigint(20) unsigned NULL DEFAULT NULL,
  `type` varchar(32) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NULL DEFAULT NULL,
  `size` bigint(20) unsigned NULL DEFAULT NULL,
  `network_id` bigint(20) unsigned NULL DEFAULT NULL,
  `start_date` datetime NOT NULL,
  `end_date` datetime NOT NULL,
  `virtual_size` bigint(20) unsigned NULL DEFAULT NULL,
  `cpu_speed` int(10) unsigned NULL DEFAULT NULL,
  `cpu_cores` int(10) unsigned NULL DEFAULT NULL,
  `memory` int(10) unsigned NULL DEFAULT NULL,
  `quota_calculated` tinyint(1) NOT NULL DEFAULT 0,
  `is_hidden` smallint(1) NOT NULL DEFAULT 0,
  `state` varchar(100) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NULL DEFAULT NULL,
  KEY `i_cloud_usage__account_id` (`account_id`),
  KEY `i_cloud_usage__domain_id` (`domain_id`),
  KEY `i_cloud_usage__end_date` (`end_date`),
  KEY `i_cloud_usage__start_date` (`start_date`),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS `quota_account` (
  `account_id` int(11) NOT NULL,
  `quota_balance` decimal(15,2) NULL DEFAULT NULL,
  `quota_balance_date` datetime NULL DEFAULT NULL,
  `quota_enforce` int(1) NULL DEFAULT NULL,
  `quota_min_balance` decimal(15,2) NULL DEFAULT NULL,
  `quota_alert_date` datetime NULL DEFAULT NULL,
  `quota_alert_type` int(11) NULL DEFAULT NULL,
  `last_statement_date` datetime NULL DEFAULT NULL,
  PRIMARY KEY (`account_id`)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS `quota_balance` (
  `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `account_id` bigint(20) unsigned NOT NULL,
  `domain_id` bigint(20) unsigned NOT NULL,
  `credit_balance` decimal(15,8) NULL DEFAULT NULL,
  `credits_id` bigint(20) unsigned NULL DEFAULT NULL,
  `updated_on` datetime NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS `quota_credits` (
  `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `account_id` bigint(20) unsigned NOT NULL,
  `domain_id` bigint(20) unsigned NOT NULL,
  `credit` decimal(15,4) NULL DEFAULT NULL,
  `updated_on` datetime NOT NULL,
  `updated_by` bigint(20) unsigned NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS `quota_email_configuration` (
  `account_id` int(11) NOT NULL,
  `email_template_id` bigint(20) NOT NULL,
  `enabled` int(1) unsigned NOT NULL,
  KEY `FK_quota_email_configuration_email_template_id` (`email_template_id`),
  PRIMARY KEY (`account_id`, `email_template_id`)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS `quota_email_templates` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `template_name` varchar(64) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NOT NULL,
  `template_subject` longtext CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NULL DEFAULT NULL,
  `template_body` longtext CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NULL DEFAULT NULL,
  `locale` varchar(25) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NULL DEFAULT 'en_US',
  `updated` timestamp NOT NULL DEFAULT current_timestamp() on update current_timestamp(),
  PRIMARY KEY (`id`),
  UNIQUE KEY `template_name` (`template_name`)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS `quota_tariff` (
  `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `usage_type` int(2) unsigned NULL DEFAULT NULL,
  `usage_name` varchar(255) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NOT NULL,
  `usage_unit` varchar(255) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NOT NULL,
  `usage_discriminator` varchar(255) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NOT NULL,
  `currency_value` decimal(15,5) NOT NULL,
  `effective_on` datetime NOT NULL,
  `updated_on` datetime NOT NULL,
  `updated_by` bigint(20) unsigned NOT NULL,
  `uuid` varchar(40) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NOT NULL,
  `name` text CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NOT NULL,
  `description` text CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NULL DEFAULT NULL,
  `activation_rule` text CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NULL DEFAULT NULL,
  `removed` datetime NULL DEFAULT NULL,
  `end_date` datetime NULL DEFAULT NULL,
  `position` bigint(20) NOT NULL DEFAULT 1,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS `quota_tariff_usage` (
  `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `tariff_id` bigint(20) unsigned NOT NULL,
  `quota_usage_id` bigint(20) unsigned NOT NULL,
  `quota_used` decimal(20,8) NOT NULL,
  KEY `fk_quota_tariff_usage__quota_usage_id` (`quota_usage_id`),
  KEY `fk_quota_tariff_usage__tariff_id` (`tariff_id`),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS `quota_usage` (
  `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `usage_item_id` bigint(20) unsigned NOT NULL,
  `zone_id` bigint(20) unsigned NOT NULL,
  `account_id` bigint(20) unsigned NOT NULL,
  `domain_id` bigint(20) unsigned NOT NULL,
  `usage_type` varchar(64) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NULL DEFAULT NULL,
  `quota_used` decimal(20,8) unsigned NOT NULL,
  `start_date` datetime NOT NULL,
  `end_date` datetime NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS `usage_backup` (
  `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `zone_id` bigint(20) unsigned NOT NULL,
  `account_id` bigint(20) unsigned NOT NULL,
  `domain_id` bigint(20) unsigned NOT NULL,
  `vm_id` bigint(20) unsigned NOT NULL,
  `backup_offering_id` bigint(20) unsigned NOT NULL,
  `size` bigint(20) NULL DEFAULT 0,
  `protected_size` bigint(20) NULL DEFAULT 0,
  `created` datetime NOT NULL,
  `removed` datetime NULL DEFAULT NULL,
  KEY `i_usage_backup` (`zone_id`, `account_id`, `vm_id`, `created`),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS `usage_event` (
  `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `type` varchar(32) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NOT NULL,
  `account_id` bigint(20) unsigned NOT NULL,
  `created` datetime NOT NULL,
  `zone_id` bigint(20) unsigned NOT NULL,
  `resource_id` bigint(20) unsigned NULL DEFAULT NULL,
  `resource_name` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NULL DEFAULT NULL,
  `offering_id` bigint(20) unsigned NULL DEFAULT NULL,
  `template_id` bigint(20) unsigned NULL DEFAULT NULL,
  `size` bigint(20) unsigned NULL DEFAULT NULL,
  `resource_type` varchar(32) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NULL DEFAULT NULL,
  `processed` tinyint(4) NOT NULL DEFAULT 0,
  `virtual_size` bigint(20) unsigned NULL DEFAULT NULL,
  `vm_id` bigint(20) unsigned NULL DEFAULT NULL,
  KEY `i_usage_event__created` (`created`),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS `usage_ip_address` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `ip_id` bigint(20) unsigned NOT NULL,
  `account_id` bigint(20) unsigned NOT NULL,
  `domain_id` bigint(20) unsigned NOT NULL,
  `zone_id` bigint(20) unsigned NOT NULL,
  `public_ip_address` varchar(15) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NOT NULL,
  `is_source_nat` smallint(1) NOT NULL,
  `is_system` smallint(1) NOT NULL DEFAULT 0,
  `assigned` datetime NOT NULL,
  `released` datetime NULL DEFAULT NULL,
  `is_hidden` smallint(1) NOT NULL DEFAULT 0,
  UNIQUE KEY `id` (`ip_id`, `assigned`),
  KEY `i_usage_ip_address__account_id` (`account_id`),
  KEY `i_usage_ip_address__assigned` (`assigned`),
  KEY `i_usage_ip_address__released` (`released`),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS `usage_job` (
  `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `host` varchar(255) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NULL DEFAULT NULL,
  `pid` int(5) NULL DEFAULT NULL,
  `job_type` int(1) NULL DEFAULT NULL,
  `scheduled` int(1) NULL DEFAULT NULL,
  `start_millis` bigint(20) unsigned NOT NULL DEFAULT 0,
  `end_millis` bigint(20) unsigned NOT NULL DEFAULT 0,
  `exec_time` bigint(20) unsigned NOT NULL DEFAULT 0,
  `start_date` datetime NULL DEFAULT NULL,
  `end_date` datetime NULL DEFAULT NULL,
  `success` int(1) NULL DEFAULT NULL,
  `heartbeat` datetime NOT NULL,
  KEY `i_usage_job__end_millis` (`end_millis`),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS `usage_load_balancer_policy` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `lb_id` bigint(20) unsigned NOT NULL,
  `zone_id` bigint(20) unsigned NOT NULL,
  `account_id` bigint(20) unsigned NOT NULL,
  `domain_id` bigint(20) unsigned NOT NULL,
  `created` datetime NOT NULL,
  `deleted` datetime NULL DEFAULT NULL,
  KEY `i_usage_load_balancer_policy__account_id` (`account_id`),
  KEY `i_usage_load_balancer_policy__created` (`created`),
  KEY `i_usage_load_balancer_policy__deleted` (`deleted`),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS `usage_network` (
  `account_id` bigint(20) unsigned NOT NULL,
  `zone_id` bigint(20) unsigned NOT NULL,
  `host_id` bigint(20) unsigned NOT NULL,
  `host_type` varchar(32) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NULL DEFAULT NULL,
  `network_id` bigint(20) unsigned NOT NULL,
  `bytes_sent` bigint(20) unsigned NOT NULL DEFAULT 0,
  `bytes_received` bigint(20) unsigned NOT NULL DEFAULT 0,
  `agg_bytes_received` bigint(20) unsigned NOT NULL DEFAULT 0,
  `agg_bytes_sent` bigint(20) unsigned NOT NULL DEFAULT 0,
  `event_time_millis` bigint(20) unsigned NOT NULL DEFAULT 0,
  PRIMARY KEY (`account_id`, `zone_id`, `host_id`, `network_id`, `event_time_millis`)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS `usage_network_offering` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `zone_id` bigint(20) unsigned NOT NULL,
  `account_id` bigint(20) unsigned NOT NULL,
  `domain_id` bigint(20) unsigned NOT NULL,
  `vm_instance_id` bigint(20) unsigned NOT NULL,
  `network_offering_id` bigint(20) unsigned NOT NULL,
  `is_default` smallint(1) NOT NULL,
  `created` datetime NOT NULL,
  `deleted` datetime NULL DEFAULT NULL,
  `nic_id` bigint(20) unsigned NOT NULL,
  KEY `i_usage_network_offering__account_id` (`account_id`),
  KEY `i_usage_network_offering__created` (`created`),
  KEY `i_usage_network_offering__deleted` (`deleted`),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS `usage_networks` (
  `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `network_offering_id` bigint(20) unsigned NOT NULL,
  `zone_id` bigint(20) unsigned NOT NULL,
  `network_id` bigint(20) unsigned NOT NULL,
  `account_id` bigint(20) unsigned NOT NULL,
  `domain_id` bigint(20) unsigned NOT NULL,
  `state` varchar(100) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NULL DEFAULT NULL,
  `removed` datetime NULL DEFAULT NULL,
  `created` datetime NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS `usage_port_forwarding` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `pf_id` bigint(20) unsigned NOT NULL,
  `zone_id` bigint(20) unsigned NOT NULL,
  `account_id` bigint(20) unsigned NOT NULL,
  `domain_id` bigint(20) unsigned NOT NULL,
  `created` datetime NOT NULL,
  `deleted` datetime NULL DEFAULT NULL,
  KEY `i_usage_port_forwarding__account_id` (`account_id`),
  KEY `i_usage_port_forwarding__created` (`created`),
  KEY `i_usage_port_forwarding__deleted` (`deleted`),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS `usage_security_group` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `zone_id` bigint(20) unsigned NOT NULL,
  `account_id` bigint(20) unsigned NOT NULL,
  `domain_id` bigint(20) unsigned NOT NULL,
  `vm_instance_id` bigint(20) unsigned NOT NULL,
  `security_group_id` bigint(20) unsigned NOT NULL,
  `created` datetime NOT NULL,
  `deleted` datetime NULL DEFAULT NULL,
  KEY `i_usage_security_group__account_id` (`account_id`),
  KEY `i_usage_security_group__created` (`created`),
  KEY `i_usage_security_group__deleted` (`deleted`),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS `usage_snapshot_on_primary` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `volume_id` bigint(20) unsigned NOT NULL,
  `zone_id` bigint(20) unsigned NOT NULL,
  `account_id` bigint(20) unsigned NOT NULL,
  `domain_id` bigint(20) unsigned NOT NULL,
  `vm_id` bigint(20) unsigned NOT NULL,
  `name` varchar(128) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NULL DEFAULT NULL,
  `type` int(1) unsigned NOT NULL,
  `physicalsize` bigint(20) NULL DEFAULT NULL,
  `virtualsize` bigint(20) NULL DEFAULT NULL,
  `created` datetime NOT NULL,
  `deleted` datetime NULL DEFAULT NULL,
  `vm_snapshot_id` bigint(20) NULL DEFAULT NULL,
  UNIQUE KEY `i_usage_snapshot_on_primary` (`account_id`, `volume_id`, `vm_id`, `created`),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS `usage_storage` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `entity_id` bigint(20) unsigned NOT NULL,
  `zone_id` bigint(20) unsigned NOT NULL,
  `account_id` bigint(20) unsigned NOT NULL,
  `domain_id` bigint(20) unsigned NOT NULL,
  `storage_type` int(1) unsigned NOT NULL,
  `source_id` bigint(20) unsigned NULL DEFAULT NULL,
  `size` bigint(20) unsigned NOT NULL,
  `created` datetime NOT NULL,
  `deleted` datetime NULL DEFAULT NULL,
  `virtual_size` bigint(20) unsigned NULL DEFAULT NULL,
  UNIQUE KEY `id` (`entity_id`, `storage_type`, `zone_id`, `created`),
  KEY `i_usage_storage__account_id` (`account_id`),
  KEY `i_usage_storage__created` (`created`),
  KEY `i_usage_storage__deleted` (`deleted`),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS `usage_vm_disk` (
  `account_id` bigint(20) unsigned NOT NULL,
  `zone_id` bigint(20) unsigned NOT NULL,
  `vm_id` bigint(20) unsigned NOT NULL,
  `volume_id` bigint(20) unsigned NOT NULL DEFAULT 0,
  `io_read` bigint(20) unsigned NOT NULL DEFAULT 0,
  `io_write` bigint(20) unsigned NOT NULL DEFAULT 0,
  `agg_io_read` bigint(20) unsigned NOT NULL DEFAULT 0,
  `agg_io_write` bigint(20) unsigned NOT NULL DEFAULT 0,
  `bytes_read` bigint(20) unsigned NOT NULL DEFAULT 0,
  `bytes_write` bigint(20) unsigned NOT NULL DEFAULT 0,
  `agg_bytes_read` bigint(20) unsigned NOT NULL DEFAULT 0,
  `agg_bytes_write` bigint(20) unsigned NOT NULL DEFAULT 0,
  `event_time_millis` bigint(20) unsigned NOT NULL DEFAULT 0,
  PRIMARY KEY (`account_id`, `zone_id`, `vm_id`, `volume_id`, `event_time_millis`)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS `usage_vm_instance` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `usage_type` int(1) unsigned NULL DEFAULT NULL,
  `zone_id` bigint(20) unsigned NOT NULL,
  `account_id` bigint(20) unsigned NOT NULL,
  `vm_instance_id` bigint(20) unsigned NOT NULL,
  `vm_name` varchar(255) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NOT NULL,
  `service_offering_id` bigint(20) unsigned NOT NULL,
  `template_id` bigint(20) unsigned NOT NULL,
  `hypervisor_type` varchar(255) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NULL DEFAULT NULL,
  `start_date` datetime NOT NULL,
  `end_date` datetime NULL DEFAULT NULL,
  `cpu_speed` int(10) unsigned NULL DEFAULT NULL,
  `cpu_cores` int(10) unsigned NULL DEFAULT NULL,
  `memory` int(10) unsigned NULL DEFAULT NULL,
  KEY `i_usage_vm_instance__account_id` (`account_id`),
  KEY `i_usage_vm_instance__end_date` (`end_date`),
  KEY `i_usage_vm_instance__start_date` (`start_date`),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS `usage_vmsnapshot` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `volume_id` bigint(20) unsigned NOT NULL,
  `zone_id` bigint(20) unsigned NOT NULL,
  `account_id` bigint(20) unsigned NOT NULL,
  `domain_id` bigint(20) unsigned NOT NULL,
  `vm_id` bigint(20) unsigned NOT NULL,
  `disk_offering_id` bigint(20) unsigned NULL DEFAULT NULL,
  `size` bigint(20) NULL DEFAULT NULL,
  `created` datetime NOT NULL,
  `processed` datetime NULL DEFAULT NULL,
  `vm_snapshot_id` bigint(20) NULL DEFAULT NULL,
  UNIQUE KEY `i_usage_vmsnapshot` (`account_id`, `volume_id`, `vm_id`, `created`),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS `usage_volume` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `volume_id` bigint(20) unsigned NOT NULL,
  `zone_id` bigint(20) unsigned NOT NULL,
  `account_id` bigint(20) unsigned NOT NULL,
  `domain_id` bigint(20) unsigned NOT NULL,
  `disk_offering_id` bigint(20) unsigned NULL DEFAULT NULL,
  `template_id` bigint(20) unsigned NULL DEFAULT NULL,
  `size` bigint(20) unsigned NULL DEFAULT NULL,
  `created` datetime NOT NULL,
  `deleted` datetime NULL DEFAULT NULL,
  `vm_id` bigint(20) unsigned NULL DEFAULT NULL,
  UNIQUE KEY `id` (`volume_id`, `created`),
  KEY `i_usage_volume__account_id` (`account_id`),
  KEY `i_usage_volume__created` (`created`),
  KEY `i_usage_volume__deleted` (`deleted`),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS `usage_vpc` (
  `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `vpc_id` bigint(20) unsigned NOT NULL,
  `zone_id` bigint(20) unsigned NOT NULL,
  `account_id` bigint(20) unsigned NOT NULL,
  `domain_id` bigint(20) unsigned NOT NULL,
  `state` varchar(100) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NULL DEFAULT NULL,
  `created` datetime NOT NULL,
  `removed` datetime NULL DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS `usage_vpn_user` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `zone_id` bigint(20) unsigned NOT NULL,
  `account_id` bigint(20) unsigned NOT NULL,
  `domain_id` bigint(20) unsigned NOT NULL,
  `user_id` bigint(20) unsigned NOT NULL,
  `user_name` varchar(255) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NULL DEFAULT NULL,
  `created` datetime NOT NULL,
  `deleted` datetime NULL DEFAULT NULL,
  KEY `i_usage_vpn_user__account_id` (`account_id`),
  KEY `i_usage_vpn_user__created` (`created`),
  KEY `i_usage_vpn_user__deleted` (`deleted`),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS `user_statistics` (
  `id` bigint(20) unsigned NOT NULL,
  `data_center_id` bigint(20) unsigned NOT NULL,
  `account_id` bigint(20) unsigned NOT NULL,
  `public_ip_address` varchar(15) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NULL DEFAULT NULL,
  `device_id` bigint(20) unsigned NOT NULL,
  `device_type` varchar(32) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NOT NULL,
  `network_id` bigint(20) unsigned NULL DEFAULT NULL,
  `net_bytes_received` bigint(20) unsigned NOT NULL DEFAULT 0,
  `net_bytes_sent` bigint(20) unsigned NOT NULL DEFAULT 0,
  `current_bytes_received` bigint(20) unsigned NOT NULL DEFAULT 0,
  `current_bytes_sent` bigint(20) unsigned NOT NULL DEFAULT 0,
  `agg_bytes_received` bigint(20) unsigned NOT NULL DEFAULT 0,
  `agg_bytes_sent` bigint(20) unsigned NOT NULL DEFAULT 0,
  UNIQUE KEY `account_id` (`account_id`, `data_center_id`, `public_ip_address`, `device_id`, `device_type`, `network_id`),
  UNIQUE KEY `id` (`id`),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS `vm_disk_statistics` (
  `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `data_center_id` bigint(20) unsigned NOT NULL,
  `account_id` bigint(20) unsigned NOT NULL,
  `vm_id` bigint(20) unsigned NOT NULL,
  `volume_id` bigint(20) unsigned NOT NULL DEFAULT 0,
  `net_io_read` bigint(20) unsigned NOT NULL DEFAULT 0,
  `net_io_write` bigint(20) unsigned NOT NULL DEFAULT 0,
  `current_io_read` bigint(20) unsigned NOT NULL DEFAULT 0,
  `current_io_write` bigint(20) unsigned NOT NULL DEFAULT 0,
  `agg_io_read` bigint(20) unsigned NOT NULL DEFAULT 0,
  `agg_io_write` bigint(20) unsigned NOT NULL DEFAULT 0,
  `net_bytes_read` bigint(20) unsigned NOT NULL DEFAULT 0,
  `net_bytes_write` bigint(20) unsigned NOT NULL DEFAULT 0,
  `current_bytes_read` bigint(20) unsigned NOT NULL DEFAULT 0,
  `current_bytes_write` bigint(20) unsigned NOT NULL DEFAULT 0,
  `agg_bytes_read` bigint(20) unsigned NOT NULL DEFAULT 0,
  `agg_bytes_write` bigint(20) unsigned NOT NULL DEFAULT 0,
  UNIQUE KEY `account_id` (`account_id`, `data_center_id`, `vm_id`, `volume_id`),
  UNIQUE KEY `id` (`id`),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS `usage_event_details` (
  `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `usage_event_id` bigint(20) unsigned NOT NULL,
  `name` varchar(255) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NOT NULL,
  `value` varchar(1024) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NOT NULL,
  KEY `fk_usage_event_details__usage_event_id` (`usage_event_id`),
  PRIMARY KEY (`id`),
  CONSTRAINT `fk_usage_event_details__usage_event_id` FOREIGN KEY (`usage_event_id`) REFERENCES `usage_event` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB;

