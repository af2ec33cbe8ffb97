-- Generations that take each other's place, and named copies of what one held at a closed window.

-- What a cutover put in a generation's place: who is told to work on this one works on the other.
CREATE TABLE IF NOT EXISTS succession (
  generation INT UNSIGNED NOT NULL PRIMARY KEY,
  superseded_by INT UNSIGNED NOT NULL
) ENGINE=InnoDB;

-- Requests to make another generation live. The sink that leads does it, in one transaction with the answer.
CREATE TABLE IF NOT EXISTS cutover (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  kind ENUM('cutover','rollback') NOT NULL,
  from_generation INT UNSIGNED NOT NULL,
  to_generation INT UNSIGNED NOT NULL,
  state ENUM('requested','done','refused') NOT NULL DEFAULT 'requested',
  requested_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  requested_by VARCHAR(128) CHARACTER SET utf8mb4 NOT NULL,
  answered_at DATETIME(3) NULL,
  answer TEXT CHARACTER SET utf8mb4 NULL COMMENT 'JSON: counts of rows, or why it was refused',
  KEY by_state (state, id)
) ENGINE=InnoDB;

-- While a cutover runs: accounts of which quota has charged rows, and the newest window with one. Their windows
-- up to there are never touched.
CREATE TABLE IF NOT EXISTS cutover_charged (
  account_id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  until_ms BIGINT NOT NULL
) ENGINE=InnoDB;

-- While a cutover runs: rows of two generations that are the same row under other keys, because a quirk makes
-- keys otherwise.
CREATE TABLE IF NOT EXISTS cutover_pair (
  window_start_ms BIGINT NOT NULL,
  account_id BIGINT UNSIGNED NOT NULL,
  from_record BINARY(16) NOT NULL,
  to_record BINARY(16) NOT NULL,
  to_key VARCHAR(512) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  PRIMARY KEY (window_start_ms, account_id, from_record)
) ENGINE=InnoDB;

-- A named copy of the states of a generation at a closed window, to begin a rebuild from. Events, rows and
-- corrections up to there stay where they are: they only ever grow.
CREATE TABLE IF NOT EXISTS savepoint (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(64) CHARACTER SET ascii NOT NULL UNIQUE,
  generation INT UNSIGNED NOT NULL,
  closed_until_ms BIGINT NOT NULL,
  created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS savepoint_progress (
  savepoint INT UNSIGNED NOT NULL,
  partition_id INT UNSIGNED NOT NULL,
  next_offset BIGINT UNSIGNED NOT NULL,
  watermark_ms BIGINT NULL,
  opened_ms BIGINT NULL,
  closed_until_ms BIGINT NULL,
  closed_offset BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (savepoint, partition_id)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS savepoint_state (
  savepoint INT UNSIGNED NOT NULL,
  account_id BIGINT UNSIGNED NOT NULL,
  partition_id INT UNSIGNED NOT NULL,
  state LONGTEXT CHARACTER SET utf8mb4 NOT NULL,
  folded_until_ms BIGINT NOT NULL,
  incomplete_from_ms BIGINT NULL,
  PRIMARY KEY (savepoint, account_id)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS savepoint_fact (
  savepoint INT UNSIGNED NOT NULL,
  account_id BIGINT UNSIGNED NOT NULL,
  kind VARCHAR(32) CHARACTER SET ascii NOT NULL,
  fact_id BIGINT UNSIGNED NOT NULL,
  partition_id INT UNSIGNED NOT NULL,
  feed_offset BIGINT UNSIGNED NOT NULL,
  present TINYINT UNSIGNED NOT NULL,
  body TEXT CHARACTER SET utf8mb4 NOT NULL,
  PRIMARY KEY (savepoint, account_id, kind, fact_id)
) ENGINE=InnoDB;

-- Outbox: records that a cutover took back; body: the id of the generation that had them.
ALTER TABLE outbox MODIFY COLUMN kind ENUM('window','correction','withdrawal') NOT NULL;
