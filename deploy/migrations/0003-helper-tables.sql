-- What a Java usage server needs to go on, on its way into CloudStack's tables: written by the close of a
-- window, applied and deleted by the publication of that window.

-- Changed rows. table_name: of CloudStack's schema; body: the cells of its columns, a JSON array.
-- table_name usage_event: the events that the fold took, [created_ms, event_id, incarnation] each.
CREATE TABLE IF NOT EXISTS helper_change (
  generation INT UNSIGNED NOT NULL,
  window_start_ms BIGINT NOT NULL,
  table_name VARCHAR(32) CHARACTER SET ascii NOT NULL,
  account_id BIGINT UNSIGNED NOT NULL,
  serial BIGINT UNSIGNED NOT NULL COMMENT 'id of a copy, serial of an interval, else a running number',
  event_id BIGINT UNSIGNED NOT NULL COMMENT 'that opened the interval; 0: no event',
  body MEDIUMTEXT CHARACTER SET utf8mb4 NOT NULL,
  PRIMARY KEY (generation, window_start_ms, table_name, account_id, serial)
) ENGINE=InnoDB;

-- Which row of a helper table an interval is, so that a later window changes that row.
CREATE TABLE IF NOT EXISTS helper_row (
  generation INT UNSIGNED NOT NULL,
  table_name VARCHAR(32) CHARACTER SET ascii NOT NULL,
  account_id BIGINT UNSIGNED NOT NULL,
  serial BIGINT UNSIGNED NOT NULL,
  helper_id BIGINT UNSIGNED NULL COMMENT 'null: CloudStack''s table cannot hold it',
  PRIMARY KEY (generation, table_name, account_id, serial),
  KEY by_id (table_name, helper_id)
) ENGINE=InnoDB;
