-- Pieces of one key are one row: its sum, with the attributes of the last and the name of the first.

CREATE OR REPLACE TEMPORARY TABLE expected (
  account_id BIGINT UNSIGNED NOT NULL, w INT NOT NULL, usage_type INT NOT NULL, zone_id BIGINT UNSIGNED NULL,
  description VARCHAR(255) CHARACTER SET utf8mb4 NULL, display VARCHAR(64) NULL, quantity DECIMAL(40) NOT NULL,
  vm_instance_id BIGINT UNSIGNED NULL, vm_name VARCHAR(255) CHARACTER SET utf8mb4 NULL,
  offering_id BIGINT UNSIGNED NULL, template_id BIGINT UNSIGNED NULL, usage_id BIGINT UNSIGNED NULL,
  type VARCHAR(64) NULL, size BIGINT UNSIGNED NULL, network_id BIGINT UNSIGNED NULL,
  virtual_size BIGINT UNSIGNED NULL, cpu_speed INT NULL, cpu_cores INT NULL, memory INT NULL,
  is_hidden TINYINT NOT NULL DEFAULT 0, state VARCHAR(64) NULL, begin_s BIGINT NULL, end_s BIGINT NULL,
  KEY (account_id, w)
);

-- A server updates the sizes of a backup with each report; a window has what was last reported.
CREATE OR REPLACE TEMPORARY TABLE backup_size AS
SELECT * FROM (
  SELECT b.*, ROW_NUMBER() OVER (PARTITION BY account_id, span_n, w ORDER BY n DESC) AS newest
  FROM (
    SELECT m.account_id, m.n, m.size, m.vs, sp.n AS span_n, k.w,
           ROW_NUMBER() OVER (PARTITION BY m.account_id, m.n, k.w ORDER BY sp.n) AS oldest
    FROM ev m
    JOIN ev o ON o.account_id = m.account_id AND o.r = m.r AND o.o = m.o AND o.type = 'BACKUP.OFFERING.ASSIGN'
    JOIN span sp ON sp.account_id = o.account_id AND sp.ut = 28 AND sp.n = o.n
                AND sp.n < m.n AND (sp.e_n IS NULL OR sp.e_n > m.n)
    JOIN known k ON k.account_id = m.account_id AND m.s < k.je
    WHERE m.type = 'BACKUP.USAGE.METRIC' AND m.size IS NOT NULL
  ) b
  WHERE oldest = 1
) c
WHERE newest = 1;
ALTER TABLE backup_size ADD KEY (account_id, span_n, w);

INSERT INTO expected
SELECT p.account_id, p.w, p.ut, IF(p.ut = 25, IFNULL(nx.z, ev.z), made.z),
  CASE p.ut
    WHEN 1 THEN CONCAT(p.first_name, ' running time (ServiceOffering: ', ev.o, ') (Template: ', made.t, ')')
    WHEN 2 THEN CONCAT(p.first_name, ' allocated (ServiceOffering: ', ev.o, ') (Template: ', made.t, ')')
    WHEN 3 THEN CONCAT('IPAddress: ', ev.name)
    WHEN 6 THEN CONCAT('Volume Id: ', ev.r, ' usage time', CASE
      WHEN NULLIF(ev.t, 0) IS NOT NULL THEN CONCAT(' (Template: ', ev.t, ')')
      WHEN NULLIF(ev.o, 0) IS NOT NULL THEN CONCAT(' (DiskOffering: ', ev.o, ')') ELSE '' END,
      IF(p.vm IS NULL, '', CONCAT(' (VM: ', p.vm, ')')))
    WHEN 7 THEN CONCAT('Template Id:', ev.r, ' Size:', human(ev.size), ' VirtualSize: ', human(IFNULL(ev.vs, 0)))
    WHEN 8 THEN CONCAT('ISO Id:', ev.r, ' Size:', human(ev.size), ' VirtualSize: ', human(ev.size))
    WHEN 9 THEN CONCAT('Snapshot Id:', ev.r, ' Size:', human(ev.size))
    WHEN 10 THEN CONCAT('Security Group: ', ev.o, ' for Vm : ', ev.r, ' usage time')
    WHEN 11 THEN CONCAT('Load Balancing Policy: ', ev.r, ' usage time')
    WHEN 12 THEN CONCAT('Port Forwarding Rule: ', ev.r, ' usage time')
    WHEN 13 THEN CONCAT('Network offering:', ev.o, ' for Vm : ', ev.r, ' usage time')
    WHEN 14 THEN CONCAT('VPN User: ', ev.name, ', Id: ', ev.r, ' usage time')
    WHEN 25 THEN CONCAT('VMSnapshot Id: ', IFNULL(IF(p.by_n IS NULL, ev.snap, nx.snap), 'null'), ' Usage: VM Id: ', ev.r,
      ' Volume Id: ', ev.t, ' ', IF(NULLIF(ev.o, 0) IS NULL, '', CONCAT(' DiskOffering: ', ev.o)),
      ' Size: ', human(IFNULL(ev.size, 0)))
    WHEN 26 THEN CONCAT('Volume Id:', ev.r, ' Size:', human(ev.size), ' VirtualSize: ', human(0))
    WHEN 27 THEN CONCAT('VMSnapshot Id: ', IFNULL(ev.snap, 'null'), ' On Primary Usage: VM Id: ', ev.r,
      ' Size: ', human(IFNULL(ev.vs, 0)))
    WHEN 28 THEN CONCAT('Backup usage VM ID: ', ev.r, ', backup offering: ', ev.o)
    WHEN 30 THEN CONCAT('Network usage for network ID: ', ev.r, ', network offering: ', ev.o)
    WHEN 31 THEN CONCAT('VPC usage for VPC ID: ', ev.r)
  END,
  NULL, IF(p.ut IN (25, 27), p.ms, p.total_ms),
  CASE WHEN p.ut IN (1, 2, 10, 13, 25, 27, 28) THEN ev.r WHEN p.ut = 6 THEN p.vm END,
  CASE WHEN p.ut IN (1, 2) THEN p.first_name WHEN p.ut = 27 THEN ev.name END,
  CASE WHEN p.ut IN (1, 2, 13, 28, 30) THEN ev.o WHEN p.ut IN (6, 25) THEN NULLIF(ev.o, 0) END,
  CASE WHEN p.ut IN (1, 2) THEN made.t WHEN p.ut = 6 THEN NULLIF(ev.t, 0) WHEN p.ut = 7 THEN IFNULL(ev.t, 0) END,
  CASE WHEN p.ut = 10 THEN ev.o WHEN p.ut = 13 THEN ev.size = 1
       WHEN p.ut = 25 THEN IF(p.by_n IS NULL, ev.snap, nx.snap) WHEN p.ut = 27 THEN ev.snap ELSE ev.r END,
  CASE WHEN p.ut IN (1, 2) THEN made.kind WHEN p.ut = 3 THEN IF(ev.size = 1, 'SourceNat', '') END,
  CASE WHEN p.ut = 3 THEN IFNULL(ev.t, 0) <> 0 WHEN p.ut IN (6, 7, 8, 9, 26) THEN ev.size
       WHEN p.ut IN (25, 27) THEN IFNULL(ev.size, 0) WHEN p.ut = 28 THEN IFNULL(b.size, 0)
       WHEN p.ut IN (30, 31) THEN 0 END,
  NULL,
  CASE WHEN p.ut = 7 THEN IFNULL(ev.vs, 0) WHEN p.ut = 8 THEN ev.size WHEN p.ut IN (9, 26) THEN 0
       WHEN p.ut = 27 THEN IFNULL(ev.vs, 0) WHEN p.ut = 28 THEN IFNULL(b.vs, 0) END,
  IF(p.ut IN (1, 2), ev.speed, NULL), IF(p.ut IN (1, 2), ev.cores, NULL), IF(p.ut IN (1, 2), ev.memory, NULL),
  IF(p.ut = 3, ev.hidden, 0),
  IF(p.ut = 30, IF(ev.type = 'NETWORK.CREATE', 'Allocated', ev.kind), NULL),
  IF(p.ut IN (25, 27), p.begin_s, NULL), IF(p.ut IN (25, 27), p.end_ms DIV 1000, NULL)
FROM (
  SELECT piece.*, SUM(ms) OVER (PARTITION BY piece.account_id, w, ut, mk) AS total_ms,
         FIRST_VALUE(m.name) OVER (PARTITION BY piece.account_id, w, ut, mk ORDER BY first_n) AS first_name,
         ROW_NUMBER() OVER (PARTITION BY piece.account_id, w, ut, mk ORDER BY first_n DESC) AS last
  FROM piece JOIN ev m ON m.account_id = piece.account_id AND m.n = piece.made_n
) p
JOIN ev ON ev.account_id = p.account_id AND ev.n = p.n
JOIN ev made ON made.account_id = p.account_id AND made.n = p.made_n
LEFT JOIN ev nx ON nx.account_id = p.account_id AND nx.n = p.by_n
LEFT JOIN backup_size b ON p.ut = 28 AND b.account_id = p.account_id AND b.span_n = p.n AND b.w = p.w
WHERE p.last = 1 AND p.total_ms > 0;
