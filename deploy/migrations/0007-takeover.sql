-- Where another usage server's work was taken over, and where it was handed back.

-- Ids of the usage events that are in the base states of a generation, in ranges: events created before the
-- base start that are not among them were not handled by whoever billed that time, and are folded late.
CREATE TABLE IF NOT EXISTS base_event (
  generation INT UNSIGNED NOT NULL,
  first_id BIGINT UNSIGNED NOT NULL,
  last_id BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (generation, first_id)
) ENGINE=InnoDB;

-- The record of both, one row each time.
CREATE TABLE IF NOT EXISTS handover (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  generation INT UNSIGNED NOT NULL,
  kind ENUM('takeover','handback') NOT NULL,
  boundary_ms BIGINT NOT NULL COMMENT 'start of the first window of who takes over',
  done_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  done_by VARCHAR(128) CHARACTER SET utf8mb4 NOT NULL,
  facts MEDIUMTEXT CHARACTER SET utf8mb4 NOT NULL COMMENT 'what was found and passed over, JSON',
  KEY of_generation (generation, kind)
) ENGINE=InnoDB;
