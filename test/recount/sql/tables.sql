-- What a recount is given, beside usage_event and usage_event_details as a cloud has them.
-- Statistics, accounts, templates and buckets are overwritten in a cloud: here each content stands
-- with the time of its commit. `gone`: the row was deleted.

CREATE TABLE history (h INT PRIMARY KEY);
CREATE TABLE owner (account_id BIGINT UNSIGNED PRIMARY KEY, h INT NOT NULL, KEY (h));

-- First second and end second of what each run bills, and when it does; cut_s: the second at which a server
-- cuts a day of 25 hours in two windows.
CREATE TABLE run (
  h INT NOT NULL, nth INT NOT NULL, js BIGINT NOT NULL, je BIGINT NOT NULL, cut_s BIGINT NULL,
  run_ms BIGINT NOT NULL, PRIMARY KEY (h, nth)
);
CREATE TABLE account_fact (
  account_id BIGINT UNSIGNED NOT NULL, at_ms BIGINT NOT NULL,
  domain_id BIGINT UNSIGNED NOT NULL, removed_ms BIGINT NULL,
  KEY (account_id, at_ms)
);
CREATE TABLE template_fact (
  account_id BIGINT UNSIGNED NOT NULL, at_ms BIGINT NOT NULL, id BIGINT UNSIGNED NOT NULL,
  is_public TINYINT NOT NULL, removed_ms BIGINT NULL,
  KEY (account_id, id, at_ms)
);
CREATE TABLE bucket_fact (
  account_id BIGINT UNSIGNED NOT NULL, at_ms BIGINT NOT NULL, id BIGINT UNSIGNED NOT NULL,
  removed_ms BIGINT NULL,
  KEY (account_id, id, at_ms)
);
CREATE TABLE bucket_size_fact (
  account_id BIGINT UNSIGNED NOT NULL, at_ms BIGINT NOT NULL, id BIGINT UNSIGNED NOT NULL,
  bucket_id BIGINT UNSIGNED NOT NULL, size BIGINT UNSIGNED NULL,
  KEY (account_id, id, at_ms)
);
-- c1 to c4: bytes sent, received; or requests read, written, bytes read, written.
CREATE TABLE counter_fact (
  account_id BIGINT UNSIGNED NOT NULL, at_ms BIGINT NOT NULL, id BIGINT UNSIGNED NOT NULL,
  of_disk TINYINT NOT NULL, zone BIGINT UNSIGNED NOT NULL, device BIGINT UNSIGNED NOT NULL,
  part BIGINT UNSIGNED NOT NULL, device_type VARCHAR(64) NOT NULL, gone TINYINT NOT NULL,
  c1 BIGINT NOT NULL, c2 BIGINT NOT NULL, c3 BIGINT NOT NULL, c4 BIGINT NOT NULL,
  KEY (account_id, of_disk, id, at_ms)
);

-- Bytes as people read them. Quotients are 32-bit floats; their shortest decimal is rounded half up.
CREATE FUNCTION human (n BIGINT UNSIGNED) RETURNS VARCHAR(80) DETERMINISTIC
RETURN CONCAT('(', CASE
  WHEN n < 1024 THEN CONCAT(n, ' bytes')
  WHEN n < POW(1024, 2) THEN CONCAT(ROUND(CAST(CAST(CAST(n AS FLOAT) / 1024 AS CHAR) AS DECIMAL(40, 20)), 2), ' KB')
  WHEN n < POW(1024, 3) THEN CONCAT(ROUND(CAST(CAST(CAST(n AS FLOAT) / POW(1024, 2) AS CHAR) AS DECIMAL(40, 20)), 2), ' MB')
  WHEN n < POW(1024, 4) THEN CONCAT(ROUND(CAST(CAST(CAST(n AS FLOAT) / POW(1024, 3) AS CHAR) AS DECIMAL(40, 20)), 2), ' GB')
  ELSE CONCAT(ROUND(CAST(CAST(CAST(n AS FLOAT) / POW(1024, 4) AS CHAR) AS DECIMAL(40, 20)), 4), ' TB')
END, ') ', n);
