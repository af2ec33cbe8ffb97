-- Corrections of columns and in place, where an account's past begins, and what repairs need to know.

-- One statement, so that a migration that was killed finds all of the columns or none.
ALTER TABLE correction
  ADD COLUMN changes MEDIUMTEXT CHARACTER SET utf8mb4 NULL COMMENT 'columns that were wrong beside the quantity: {"name": [old, new]}, JSON; null: none',
  ADD COLUMN state ENUM('made','planned','amended','refused') CHARACTER SET ascii NOT NULL DEFAULT 'made' COMMENT 'of an amend: planned until the publication of the window that made it',
  ADD COLUMN state_reason VARCHAR(32) CHARACTER SET ascii NULL COMMENT 'refused: why',
  ADD COLUMN amend_to TEXT CHARACTER SET utf8mb4 NULL COMMENT 'amend: raw_usage and usage_display of new_quantity, JSON',
  ADD COLUMN amended_id BIGINT UNSIGNED NULL COMMENT 'amended: id of the row in cloud_usage',
  ADD COLUMN amended_from MEDIUMTEXT CHARACTER SET utf8mb4 NULL COMMENT 'amended: the columns of that row before, JSON',
  ADD COLUMN amended_into MEDIUMTEXT CHARACTER SET utf8mb4 NULL COMMENT 'amended: the columns of that row after, JSON',
  ADD COLUMN amended_at DATETIME(3) NULL;

-- Rows of the difference that stand ready for amends that the sink has to refuse: it moves them into record.
CREATE TABLE IF NOT EXISTS held_record LIKE record;

-- Where the past of an account begins that has one before its first event: its state at the start of a window.
-- A fold of its past begins here, and so does a generation that is folded again.
CREATE TABLE IF NOT EXISTS base_state (
  generation INT UNSIGNED NOT NULL,
  account_id BIGINT UNSIGNED NOT NULL,
  partition_id INT UNSIGNED NOT NULL,
  start_ms BIGINT NOT NULL COMMENT 'start of a window; what was created before is in the state',
  state LONGTEXT CHARACTER SET utf8mb4 NOT NULL,
  PRIMARY KEY (generation, account_id)
) ENGINE=InnoDB;

-- Where in the feed a partition closed its windows, while an account of it waits for a repair: which folds it
-- the events to the windows that they would have come to.
CREATE TABLE IF NOT EXISTS closed_window (
  generation INT UNSIGNED NOT NULL,
  partition_id INT UNSIGNED NOT NULL,
  window_start_ms BIGINT NOT NULL,
  next_offset BIGINT UNSIGNED NOT NULL COMMENT 'events from here on came after the close',
  PRIMARY KEY (generation, partition_id, window_start_ms)
) ENGINE=InnoDB;
