-- What of each span falls into each window, in ms; a server counts the millisecond of the end too.

CREATE OR REPLACE TEMPORARY TABLE piece (
  ut INT NOT NULL, account_id BIGINT UNSIGNED NOT NULL, w INT NOT NULL, first_n INT NOT NULL,
  n INT NOT NULL, made_n INT NOT NULL, vm BIGINT UNSIGNED NULL, mk VARCHAR(250) CHARACTER SET utf8mb4 NOT NULL,
  begin_s BIGINT NOT NULL, end_ms BIGINT NOT NULL, ms BIGINT NOT NULL, by_n INT NULL
);

INSERT INTO piece
SELECT ut, account_id, w, first_n, n, made_n, on_vm,
  CASE
    WHEN ut IN (1, 2) AND @java
      THEN CONCAT('-', r, o, ut, IFNULL(cores, ''), IFNULL(speed, ''), IFNULL(memory, ''))
    WHEN ut IN (1, 2) THEN CONCAT_WS('/', r, o, IFNULL(cores, '-'), IFNULL(speed, '-'), IFNULL(memory, '-'))
    WHEN ut IN (3, 11, 12) THEN r
    WHEN ut = 6 THEN CONCAT_WS('-', r, IFNULL(NULLIF(o, 0), 'null'), IFNULL(NULLIF(on_vm, 0), 'null'), size)
    WHEN ut IN (7, 8, 9, 26) THEN CONCAT(r, 'Z', z)
    WHEN ut IN (10, 13) THEN CONCAT_WS('/', r, o)
    WHEN ut = 14 THEN CONCAT(r, 'VU', name)
    -- Of snapshots on primary storage with one name a server bills the newest.
    WHEN ut = 27 AND @java THEN CONCAT('name ', name)
    ELSE CONCAT('event ', n)
  END,
  begin_s, end_ms,
  IF(s >= we, 0, IF(e IS NULL OR e >= we, we * 1000, e * 1000 + @java) - begin_s * 1000), NULL
FROM (
  SELECT sp.ut, sp.account_id, k.w, k.ws, k.we, k.je, sp.first_n, sp.n, sp.made_n, sp.vm AS on_vm, sp.s, sp.moved,
         IF(k.w <= sp.e_after, NULL, sp.e) AS e, GREATEST(sp.s, k.ws) AS begin_s,
         IF(sp.e IS NULL OR k.w <= sp.e_after OR sp.e >= k.we, k.we * 1000 - 1, sp.e * 1000) AS end_ms,
         ev.r, ev.o, ev.cores, ev.speed, ev.memory, ev.size, ev.z, ev.name
  FROM span sp
  -- In the first of two windows a server also reads what begins in the second and is open: not its time, its columns.
  JOIN known k ON k.account_id = sp.account_id
    AND (sp.s < k.we OR (@java AND sp.s < k.je AND sp.ut IN (1, 2, 6, 7, 8, 9, 10, 11, 12, 13, 14, 26)))
  JOIN ev ON ev.account_id = sp.account_id AND ev.n = sp.n
  WHERE NOT (@java AND sp.ut = 25)
) a
WHERE (NOT moved OR je <= e)
  AND (s < we OR e IS NULL OR e >= je)
  AND (e IS NULL OR IF(@java, e >= ws, e > ws AND e > s))
  AND NOT (ut = 27 AND IFNULL(size, 0) = 0)
  -- A server does not see one that was taken in the last second of a window and is open.
  AND NOT (ut = 27 AND @java AND s = we - 1 AND (e IS NULL OR e >= we))
  -- Nor, in the first of two windows, one that was deleted in the second.
  AND NOT (ut = 27 AND @java AND IFNULL(e >= we AND e < je, FALSE));

-- 25 as a server does it: a VM snapshot lasts until the next of its volume is taken, and is then
-- reported under that one's id and zone. Its deletion only stops it from being looked at: not in the
-- window in which it was taken, and not when another is taken in that window.
INSERT INTO piece
SELECT 25, account_id, w, n, n, n, NULL, CONCAT('event ', n), begin_s,
       IF(next_s < we, next_s * 1000, we * 1000 - 1),
       IF(next_s < we, next_s * 1000 + 1, we * 1000) - begin_s * 1000,
       IF(next_s < we, next_n, NULL)
FROM (
  SELECT sp.account_id, sp.n, sp.s, sp.e, sp.next_n, sp.next_s, k.w, k.ws, k.we, k.je, GREATEST(sp.s, k.ws) AS begin_s
  FROM (
    SELECT span.*, LEAD(span.n) OVER (PARTITION BY span.account_id, ev.r, ev.t ORDER BY span.n) AS next_n,
           LEAD(span.s) OVER (PARTITION BY span.account_id, ev.r, ev.t ORDER BY span.n) AS next_s
    FROM span JOIN ev ON ev.account_id = span.account_id AND ev.n = span.n
    WHERE span.ut = 25
  ) sp JOIN known k ON k.account_id = sp.account_id AND sp.s < k.we
) a
WHERE @java
  AND (next_s IS NULL OR next_s >= ws)
  AND (e IS NULL OR e >= je OR (s >= ws AND (next_s IS NULL OR next_s >= we)));
