-- 13 NETWORK_OFFERING: from an assignment to what ended it on the walk.

INSERT INTO span (ut, account_id, n, s, e, first_n, made_n)
SELECT 13, account_id, n, s, ended_s, n, n
FROM (
  SELECT nic.*, MIN(IF(ends, s, NULL)) OVER (PARTITION BY account_id, r, o, IF(@java, '', card) ORDER BY n
                  ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS ended_s
  FROM nic
) a
WHERE opens;
