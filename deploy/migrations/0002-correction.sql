-- A published quantity was wrong: the ledger of corrections, append-only. correction_id = first 16 bytes of
-- SHA-256 of what it says (account, type, key, window, old and new quantity, reason, events, action), so that
-- the same correction is never written twice.
CREATE TABLE IF NOT EXISTS correction (
  generation INT UNSIGNED NOT NULL,
  account_id BIGINT UNSIGNED NOT NULL,
  window_start_ms BIGINT NOT NULL COMMENT 'the wronged window',
  correction_id BINARY(16) NOT NULL,
  window_end_ms BIGINT NOT NULL,
  partition_id INT UNSIGNED NOT NULL,
  usage_type INT UNSIGNED NOT NULL,
  natural_key VARCHAR(512) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL COMMENT 'of the wronged row',
  record_id BINARY(16) NOT NULL COMMENT 'of the wronged row, whether it was ever published or not',
  old_quantity DECIMAL(20,0) NOT NULL COMMENT 'the row and all earlier corrections of it; 0: no row',
  new_quantity DECIMAL(20,0) NOT NULL,
  delta DECIMAL(20,0) NOT NULL COMMENT 'new less old; below 0: what quota is to credit',
  reason VARCHAR(32) CHARACTER SET ascii NOT NULL,
  event_ids MEDIUMTEXT CHARACTER SET ascii NOT NULL COMMENT 'the late events behind it, JSON',
  action ENUM('append','ledger','amend') CHARACTER SET ascii NOT NULL,
  appended_record_id BINARY(16) NULL COMMENT 'append: the row of the difference',
  made_start_ms BIGINT NOT NULL COMMENT 'the window whose close made it, and that holds the appended row',
  made_end_ms BIGINT NOT NULL,
  revision INT UNSIGNED NOT NULL DEFAULT 1,
  PRIMARY KEY (generation, account_id, window_start_ms, correction_id),
  KEY by_close (generation, made_start_ms, account_id, window_start_ms, correction_id)
) ENGINE=InnoDB;
