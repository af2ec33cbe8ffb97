-- UsageStream's own schema (default name: usage_stream). Applied by `usagestream migrate`.
-- Instants are epoch milliseconds; ids of CloudStack are unsigned 64-bit. The generation leads every key,
-- so that results of a rebuild stand beside the live ones. Statements may be applied again: DDL cannot be
-- rolled back, so a migration that was killed starts over.

CREATE TABLE IF NOT EXISTS schema_version (
  version INT UNSIGNED NOT NULL PRIMARY KEY,
  applied_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)
) ENGINE=InnoDB;

-- One complete set of results folded from a feed. What it was made with never changes.
CREATE TABLE IF NOT EXISTS generation (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(64) CHARACTER SET ascii NOT NULL UNIQUE,
  state ENUM('building','live','retired') NOT NULL,
  feed_topic VARCHAR(249) CHARACTER SET ascii NOT NULL,
  feed_partitions INT UNSIGNED NOT NULL,
  range_minutes INT UNSIGNED NOT NULL,
  time_zone VARCHAR(64) CHARACTER SET ascii NOT NULL,
  close_delay_ms BIGINT UNSIGNED NOT NULL,
  preset VARCHAR(32) CHARACTER SET ascii NOT NULL,
  settings LONGTEXT NOT NULL COMMENT 'quirks and billing settings, JSON',
  created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)
) ENGINE=InnoDB;

-- The fence and the offset of a partition: updated first in every transaction of its worker.
CREATE TABLE IF NOT EXISTS progress (
  generation INT UNSIGNED NOT NULL,
  partition_id INT UNSIGNED NOT NULL,
  epoch BIGINT UNSIGNED NOT NULL DEFAULT 0,
  owner VARCHAR(128) NULL,
  connection_id BIGINT UNSIGNED NULL COMMENT 'of the owner, so that a successor can kill it',
  next_offset BIGINT UNSIGNED NOT NULL DEFAULT 0,
  watermark_ms BIGINT NULL,
  opened_ms BIGINT NULL COMMENT 'earliest watermark or event time seen before anything was closed: the first window holds it',
  closed_until_ms BIGINT NULL COMMENT 'end of the newest closed window; null before the first',
  closed_offset BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'next_offset when that window closed: late events from here on wait for the next fold',
  updated_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),
  PRIMARY KEY (generation, partition_id)
) ENGINE=InnoDB;

-- Usage events as they arrived. Clustered by account and event time: a fold, a late event and an
-- explanation all read one account. The unique key is the identity that makes duplicates visible.
CREATE TABLE IF NOT EXISTS event (
  generation INT UNSIGNED NOT NULL,
  account_id BIGINT UNSIGNED NOT NULL,
  created_ms BIGINT NOT NULL,
  event_id BIGINT UNSIGNED NOT NULL,
  incarnation INT UNSIGNED NOT NULL,
  partition_id INT UNSIGNED NOT NULL,
  feed_offset BIGINT UNSIGNED NOT NULL,
  late TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT '1: its window was closed when it arrived',
  content_hash BINARY(8) NOT NULL,
  body TEXT CHARACTER SET utf8mb4 NOT NULL COMMENT 'the feed record as it came, JSON: event and origin',
  PRIMARY KEY (generation, account_id, created_ms, event_id, incarnation),
  UNIQUE KEY identity (generation, event_id, incarnation)
) ENGINE=InnoDB;

-- The late ones of event, which the next fold of their account takes. Apart, because a search for them in
-- event would read an account's whole past, and an index there would cost every event that is in time.
CREATE TABLE IF NOT EXISTS late_event (
  generation INT UNSIGNED NOT NULL,
  account_id BIGINT UNSIGNED NOT NULL,
  feed_offset BIGINT UNSIGNED NOT NULL,
  created_ms BIGINT NOT NULL,
  event_id BIGINT UNSIGNED NOT NULL,
  incarnation INT UNSIGNED NOT NULL,
  PRIMARY KEY (generation, account_id, feed_offset)
) ENGINE=InnoDB;

-- Clustered by account: a fold that reads back needs the details of one account's newest events.
CREATE TABLE IF NOT EXISTS event_detail (
  generation INT UNSIGNED NOT NULL,
  account_id BIGINT UNSIGNED NOT NULL,
  event_id BIGINT UNSIGNED NOT NULL,
  incarnation INT UNSIGNED NOT NULL,
  detail_id BIGINT UNSIGNED NOT NULL,
  feed_offset BIGINT UNSIGNED NOT NULL,
  name VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL,
  value VARCHAR(1024) CHARACTER SET utf8mb4 NOT NULL,
  PRIMARY KEY (generation, account_id, event_id, incarnation, detail_id)
) ENGINE=InnoDB;

-- Newest content of the other tables that billing reads, per account. kind: account, template, bucket, or the
-- name of a statistics table; settings stand under account 0 with the partition as fact_id.
CREATE TABLE IF NOT EXISTS fact (
  generation INT UNSIGNED NOT NULL,
  account_id BIGINT UNSIGNED NOT NULL,
  kind VARCHAR(32) CHARACTER SET ascii NOT NULL,
  fact_id BIGINT UNSIGNED NOT NULL,
  partition_id INT UNSIGNED NOT NULL,
  feed_offset BIGINT UNSIGNED NOT NULL,
  present TINYINT UNSIGNED NOT NULL COMMENT '0: the source row was deleted; body is its last content',
  body TEXT CHARACTER SET utf8mb4 NOT NULL COMMENT 'the feed record as it came, JSON',
  PRIMARY KEY (generation, account_id, kind, fact_id)
) ENGINE=InnoDB;

-- State of an account at the end of the newest closed window: open and recent intervals, counter bases.
-- Also the roster of a partition: an account is entered with its first record, with an empty state.
CREATE TABLE IF NOT EXISTS account_state (
  generation INT UNSIGNED NOT NULL,
  account_id BIGINT UNSIGNED NOT NULL,
  partition_id INT UNSIGNED NOT NULL,
  state LONGTEXT CHARACTER SET utf8mb4 NOT NULL,
  folded_until_ms BIGINT NOT NULL COMMENT 'end of the window that wrote this state; 0: none did',
  incomplete_from_ms BIGINT NULL COMMENT 'start of the first window that could not be folded; later ones wait; null: complete',
  PRIMARY KEY (generation, account_id),
  KEY by_partition (generation, partition_id, account_id)
) ENGINE=InnoDB;

-- Usage rows by natural key. record_id = first 16 bytes of SHA-256 of (account, type, key, window, kind).
CREATE TABLE IF NOT EXISTS record (
  generation INT UNSIGNED NOT NULL,
  window_start_ms BIGINT NOT NULL,
  account_id BIGINT UNSIGNED NOT NULL,
  record_id BINARY(16) NOT NULL,
  window_end_ms BIGINT NOT NULL,
  partition_id INT UNSIGNED NOT NULL,
  kind VARCHAR(64) CHARACTER SET ascii NOT NULL DEFAULT 'usage' COMMENT 'usage, or the id of a correction',
  usage_type INT UNSIGNED NOT NULL,
  natural_key VARCHAR(512) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  revision INT UNSIGNED NOT NULL DEFAULT 1,
  quantity DECIMAL(20,0) NOT NULL COMMENT 'ms, bytes or requests, exact',
  zone_id BIGINT UNSIGNED NOT NULL,
  domain_id BIGINT UNSIGNED NOT NULL,
  description VARCHAR(1024) CHARACTER SET utf8mb4 NOT NULL,
  usage_display VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL,
  raw_usage DOUBLE UNSIGNED NOT NULL,
  vm_instance_id BIGINT UNSIGNED NULL,
  vm_name VARCHAR(255) CHARACTER SET utf8mb4 NULL,
  offering_id BIGINT UNSIGNED NULL,
  template_id BIGINT UNSIGNED NULL,
  usage_id BIGINT UNSIGNED NULL,
  type VARCHAR(32) CHARACTER SET utf8mb4 NULL,
  size BIGINT UNSIGNED NULL,
  network_id BIGINT UNSIGNED NULL,
  virtual_size BIGINT UNSIGNED NULL,
  cpu_speed INT UNSIGNED NULL,
  cpu_cores INT UNSIGNED NULL,
  memory INT UNSIGNED NULL,
  is_hidden SMALLINT NOT NULL,
  state VARCHAR(100) CHARACTER SET utf8mb4 NULL,
  start_date DATETIME NOT NULL,
  end_date DATETIME NOT NULL,
  lineage MEDIUMTEXT CHARACTER SET ascii NOT NULL COMMENT 'intervals behind the row, JSON',
  cloud_usage_id BIGINT UNSIGNED NULL COMMENT 'id of the row in cloud_usage; null until published',
  PRIMARY KEY (generation, window_start_ms, account_id, record_id)
) ENGINE=InnoDB;

-- One row a published window.
CREATE TABLE IF NOT EXISTS published_window (
  generation INT UNSIGNED NOT NULL,
  window_start_ms BIGINT NOT NULL,
  window_end_ms BIGINT NOT NULL,
  published_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  mode ENUM('shadow','primary') NOT NULL,
  row_count BIGINT UNSIGNED NOT NULL,
  usage_job_id BIGINT UNSIGNED NULL,
  PRIMARY KEY (generation, window_start_ms)
) ENGINE=InnoDB;

-- Slices of records that the topics have yet to get, in order; kept small: sent ones are deleted.
CREATE TABLE IF NOT EXISTS outbox (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  generation INT UNSIGNED NOT NULL,
  kind ENUM('window','correction') NOT NULL,
  window_start_ms BIGINT NOT NULL,
  account_id BIGINT UNSIGNED NULL,
  body LONGTEXT CHARACTER SET utf8mb4 NULL
) ENGINE=InnoDB;

-- Refused records, written in the transaction that passed their offset, relayed to the topic by the sink.
CREATE TABLE IF NOT EXISTS dead_letter (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  generation INT UNSIGNED NOT NULL,
  partition_id INT UNSIGNED NOT NULL,
  feed_offset BIGINT UNSIGNED NOT NULL,
  reason VARCHAR(32) CHARACTER SET ascii NOT NULL,
  account_id BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'of a fold that threw: several may at one offset; else 0',
  facts TEXT CHARACTER SET utf8mb4 NOT NULL,
  record_key VARBINARY(1024) NULL,
  record_value LONGBLOB NULL,
  recorded_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  relayed TINYINT UNSIGNED NOT NULL DEFAULT 0,
  UNIQUE KEY once (generation, partition_id, feed_offset, reason, account_id),
  KEY to_relay (relayed, id)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS anomaly (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  generation INT UNSIGNED NOT NULL,
  account_id BIGINT UNSIGNED NOT NULL,
  event_id BIGINT UNSIGNED NOT NULL COMMENT '0: no event',
  code VARCHAR(32) CHARACTER SET ascii NOT NULL,
  window_start_ms BIGINT NOT NULL,
  facts TEXT CHARACTER SET utf8mb4 NOT NULL,
  UNIQUE KEY once (generation, account_id, event_id, code, window_start_ms)
) ENGINE=InnoDB;

-- The sink's lease. Only the holder of the newest epoch publishes; the successor kills connection_id.
CREATE TABLE IF NOT EXISTS lease (
  name VARCHAR(32) CHARACTER SET ascii NOT NULL PRIMARY KEY,
  epoch BIGINT UNSIGNED NOT NULL DEFAULT 0,
  owner VARCHAR(128) NULL,
  connection_id BIGINT UNSIGNED NULL,
  expires_at DATETIME(3) NOT NULL DEFAULT '1970-01-01 00:00:01',
  last_cloud_usage_id BIGINT UNSIGNED NOT NULL DEFAULT 0
) ENGINE=InnoDB;
