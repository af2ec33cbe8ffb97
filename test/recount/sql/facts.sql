-- Which accounts get rows in which windows, and what was known of them when the rows were computed.

CREATE OR REPLACE TEMPORARY TABLE known (PRIMARY KEY (account_id, w)) AS
SELECT k.*,
       FIRST_VALUE(domain_id) OVER (PARTITION BY account_id ORDER BY w) AS first_domain_id,
       MIN(IF(removed_ms IS NULL, NULL, w)) OVER (PARTITION BY account_id) AS removed_w
FROM (
  SELECT f.account_id, w.h, w.w, w.ws, w.we, w.js, w.je, w.run_ms, f.domain_id, f.removed_ms,
         ROW_NUMBER() OVER (PARTITION BY f.account_id, w.w ORDER BY f.at_ms DESC) AS nth
  FROM win w JOIN owner o USING (h) JOIN account_fact f ON f.account_id = o.account_id AND f.at_ms <= w.run_ms
) k
WHERE nth = 1;

-- A server forgets an account three days after its removal.
DELETE FROM known WHERE @java AND removed_ms IS NOT NULL AND removed_ms < (js - 3 * 86400) * 1000;

-- What a removed account leaves behind as public ends with it; a server thinks of that after the
-- window's rows, and of the first template only.
CREATE OR REPLACE TEMPORARY TABLE left_behind AS
SELECT *, ROW_NUMBER() OVER (PARTITION BY account_id ORDER BY id) AS nth
FROM (
  SELECT k.account_id, k.w, k.removed_ms, f.id, f.is_public, f.removed_ms AS template_removed_ms,
         ROW_NUMBER() OVER (PARTITION BY k.account_id, f.id ORDER BY f.at_ms DESC) AS newest
  FROM known k JOIN template_fact f ON f.account_id = k.account_id AND f.at_ms <= k.run_ms
  WHERE k.w = k.removed_w
) a
WHERE newest = 1 AND is_public
  AND (template_removed_ms IS NULL OR NOT @java AND template_removed_ms > removed_ms);

UPDATE span sp
JOIN ev ON ev.account_id = sp.account_id AND ev.n = sp.n
JOIN left_behind l ON l.account_id = sp.account_id AND l.id = ev.r
SET sp.e = GREATEST(sp.s, l.removed_ms DIV 1000), sp.e_after = IF(@java, l.w, -1)
WHERE sp.ut = 7 AND IF(@java, sp.e IS NULL AND l.nth = 1, COALESCE(sp.e > l.removed_ms DIV 1000, TRUE));
