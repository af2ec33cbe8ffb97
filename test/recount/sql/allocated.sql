-- 2 ALLOCATED_VM: from a create or upgrade to the next upgrade or destroy. A start or scale with
-- another offering (or, rightly, another custom size) changes what is allocated, if one thing is.

CREATE OR REPLACE TEMPORARY TABLE alloc AS
SELECT a.*,
       SUM(IF(@java, type IN ('VM.CREATE', 'VM.UPGRADE'), starts_anew)) OVER (
         PARTITION BY account_id, r, closings ORDER BY n) AS open_rows,
       LAG(o) OVER part AS o_before,
       LAG(CONCAT_WS('/', o, IFNULL(cores, '-'), IFNULL(speed, '-'), IFNULL(memory, '-'))) OVER part AS all_before,
       CONCAT_WS('/', o, IFNULL(cores, '-'), IFNULL(speed, '-'), IFNULL(memory, '-')) AS all_now,
       FIRST_VALUE(n) OVER part AS part_n
FROM (
  SELECT ev.*, type IN ('VM.CREATE', 'VM.UPGRADE') AS starts_anew,
         SUM(type IN ('VM.UPGRADE', 'VM.DESTROY') OR (NOT @java AND type = 'VM.CREATE')) OVER vm AS closings,
         SUM(type IN ('VM.CREATE', 'VM.UPGRADE', 'VM.DESTROY')) OVER vm AS part_no,
         MIN(IF(type IN ('VM.UPGRADE', 'VM.DESTROY') OR (NOT @java AND type = 'VM.CREATE'), s, NULL)) OVER (
           PARTITION BY account_id, r ORDER BY n ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS closed_s
  FROM ev
  WHERE type IN ('VM.CREATE', 'VM.UPGRADE', 'VM.DESTROY', 'VM.START', 'VM.DYNAMIC.SCALE')
  WINDOW vm AS (PARTITION BY account_id, r ORDER BY n)
) a
WINDOW part AS (PARTITION BY account_id, r, part_no ORDER BY n);

INSERT INTO span (ut, account_id, n, s, e, moved, first_n, made_n)
SELECT 2, account_id, n, s, IFNULL(next_s, closed_s), @java AND next_s IS NOT NULL,
       IF(@java, part_n, n), IF(@java, part_n, n)
FROM (
  SELECT alloc.*, LEAD(s) OVER (PARTITION BY account_id, r, part_no ORDER BY n) AS next_s
  FROM alloc
  WHERE starts_anew
     OR (type IN ('VM.START', 'VM.DYNAMIC.SCALE') AND open_rows = 1
         AND IF(@java, o <> o_before, all_now <> all_before))
) a;
