-- 4, 5, 21 to 24: what totals have grown by; 29: what buckets hold.

CREATE OR REPLACE TEMPORARY TABLE total (
  KEY (account_id, of_disk, zone, device, part, w)
) AS
SELECT account_id, w, of_disk, zone, device, part, MIN(id) AS first_id,
       SUM(c1) AS c1, SUM(c2) AS c2, SUM(c3) AS c3, SUM(c4) AS c4
FROM (
  SELECT f.*, k.w, ROW_NUMBER() OVER (PARTITION BY f.account_id, f.of_disk, f.id, k.w ORDER BY f.at_ms DESC) AS newest
  -- A run reads totals once: all that has grown is of its last window.
  FROM known k JOIN counter_fact f ON f.account_id = k.account_id AND f.at_ms <= k.run_ms AND k.we = k.je
) a
WHERE newest = 1 AND NOT gone
GROUP BY account_id, w, of_disk, zone, device, part;

-- The window that had totals before. A server looks at the newest that had any of the zone, and never
-- finds what it filed for device 0.
CREATE OR REPLACE TEMPORARY TABLE total_before (KEY (account_id, of_disk, zone, w)) AS
SELECT account_id, of_disk, zone, w,
       LAG(w) OVER (PARTITION BY account_id, of_disk, zone ORDER BY w) AS w_before
FROM total GROUP BY account_id, of_disk, zone, w;

CREATE OR REPLACE TEMPORARY TABLE own_before (KEY (account_id, of_disk, zone, device, part, w)) AS
SELECT account_id, of_disk, zone, device, part, w,
       LAG(w) OVER (PARTITION BY account_id, of_disk, zone, device, part ORDER BY w) AS w_before
FROM total;

CREATE OR REPLACE TEMPORARY TABLE growth AS
SELECT t.account_id, t.w, t.of_disk, t.zone, t.device, t.part, t.first_id,
       GREATEST(t.c1 - IFNULL(p.c1, 0), 0) AS g1, GREATEST(t.c2 - IFNULL(p.c2, 0), 0) AS g2,
       GREATEST(t.c3 - IFNULL(p.c3, 0), 0) AS g3, GREATEST(t.c4 - IFNULL(p.c4, 0), 0) AS g4
FROM total t
JOIN total_before b ON b.account_id = t.account_id AND b.of_disk = t.of_disk AND b.zone = t.zone AND b.w = t.w
JOIN own_before o ON o.account_id = t.account_id AND o.of_disk = t.of_disk AND o.zone = t.zone
                 AND o.device = t.device AND o.part = t.part AND o.w = t.w
LEFT JOIN total p ON p.account_id = t.account_id AND p.of_disk = t.of_disk AND p.zone = t.zone
                 AND p.device = t.device AND p.part = t.part AND p.w = IF(@java, b.w_before, o.w_before)
                 AND NOT (@java AND t.device = 0);

-- A machine's volumes and a router's networks are rows of their own; those of device 0 are one.
CREATE OR REPLACE TEMPORARY TABLE measured AS
SELECT account_id, w, of_disk, zone, device, MAX(part) AS part,
       SUM(g1) AS g1, SUM(g2) AS g2, SUM(g3) AS g3, SUM(g4) AS g4
FROM growth
GROUP BY account_id, w, of_disk, zone, device, IF(device = 0, 0, part);

INSERT INTO expected (account_id, w, usage_type, zone_id, description, display, quantity, usage_id, type, network_id)
SELECT account_id, w, ut, zone,
       CONCAT('network bytes ', IF(ut = 4, 'sent', 'received'), IF(device = 0, '', CONCAT(' for Host: ', device))),
       CONCAT(IF(ut = 4, g1, g2), ' bytes ', IF(ut = 4, 'sent', 'received')), IF(ut = 4, g1, g2),
       NULLIF(device, 0), 'DomainRouter', part
FROM measured JOIN (SELECT 4 AS ut UNION SELECT 5) u
WHERE NOT of_disk AND g1 + g2 > 0;

INSERT INTO expected (account_id, w, usage_type, zone_id, description, display, quantity, vm_instance_id, usage_id, type)
SELECT account_id, w, ut, zone,
       CONCAT('disk I/O ', what, unit, IF(device = 0 OR part = 0, '', CONCAT(' for Vm: ', device, ' and Volume: ', part))),
       CONCAT(CASE ut WHEN 21 THEN g1 WHEN 22 THEN g2 WHEN 23 THEN g3 ELSE g4 END, ' ', word, what),
       CASE ut WHEN 21 THEN g1 WHEN 22 THEN g2 WHEN 23 THEN g3 ELSE g4 END,
       NULLIF(device, 0), part, 'VirtualMachine'
FROM measured JOIN (
  SELECT 21 AS ut, 'read' AS what, ' (io requests)' AS unit, 'io ' AS word
  UNION SELECT 22, 'write', ' (io requests)', 'io '
  UNION SELECT 23, 'read', ' (bytes)', 'bytes '
  UNION SELECT 24, 'write', ' (bytes)', 'bytes ') u
WHERE of_disk AND g1 + g2 + g3 + g4 > 0;

INSERT INTO expected (account_id, w, usage_type, zone_id, description, display, quantity, usage_id)
SELECT s.account_id, s.w, 29, 1, 'Bucket Size', CONCAT(s.size, ' bytes'), s.size, s.bucket_id
FROM (
  SELECT f.*, k.w, k.we, k.run_ms, ROW_NUMBER() OVER (PARTITION BY f.account_id, f.id, k.w ORDER BY f.at_ms DESC) AS newest
  FROM known k JOIN bucket_size_fact f ON f.account_id = k.account_id AND f.at_ms <= k.run_ms
) s
LEFT JOIN bucket_fact b ON b.account_id = s.account_id AND b.id = s.bucket_id AND b.at_ms <= s.run_ms
                       AND b.removed_ms IS NOT NULL AND b.removed_ms <= s.we * 1000
WHERE s.newest = 1 AND s.size > 0 AND (@java OR b.id IS NULL);
