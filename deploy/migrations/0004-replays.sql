-- What an operator did about dead letters, and accounts that are folded again after a fault of the fold.

-- A dead letter that was put into the feed again. letter: id of a row of dead_letter, or tail-<offset> for one
-- that only the topic has.
CREATE TABLE IF NOT EXISTS dead_letter_replay (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  generation INT UNSIGNED NOT NULL,
  letter VARCHAR(32) CHARACTER SET ascii NOT NULL,
  replayed_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  replayed_by VARCHAR(128) CHARACTER SET utf8mb4 NOT NULL,
  what VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL,
  KEY by_letter (generation, letter)
) ENGINE=InnoDB;

-- Accounts whose waiting windows are to be folded; the worker of their partition does so with its next batch.
CREATE TABLE IF NOT EXISTS account_repair (
  generation INT UNSIGNED NOT NULL,
  partition_id INT UNSIGNED NOT NULL,
  account_id BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (generation, partition_id, account_id)
) ENGINE=InnoDB;

-- Windows that got rows after their close, by such a repair: the sink publishes what it has not.
CREATE TABLE IF NOT EXISTS repaired_window (
  generation INT UNSIGNED NOT NULL,
  window_start_ms BIGINT NOT NULL,
  account_id BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (generation, window_start_ms, account_id)
) ENGINE=InnoDB;
