-- When each resource was billable. An act opens a span, or closes those of its key that are open, or
-- both; one that `asks` opens nothing while a span of its key is open.
-- @java: as a CloudStack 4.23 server does it, with its faults; else as it should be.

CREATE OR REPLACE TEMPORARY TABLE act (
  ut INT NOT NULL, account_id BIGINT UNSIGNED NOT NULL, k VARCHAR(200) CHARACTER SET utf8mb4 NOT NULL,
  n INT NOT NULL, s BIGINT NOT NULL, opens TINYINT NOT NULL, closes TINYINT NOT NULL,
  asks TINYINT NOT NULL, vm BIGINT UNSIGNED NULL
);

INSERT INTO act
-- A start ends what ran before.
SELECT 1, account_id, r, n, s, type <> 'VM.STOP', 1, 0, NULL FROM ev
WHERE type IN ('VM.START', 'VM.STOP', 'VM.DYNAMIC.SCALE')
-- The fault of most types: a second opening leaves the first open.
UNION ALL
SELECT 3, account_id, IF(@java, name, r), n, s, type = 'NET.IPASSIGN', type = 'NET.IPRELEASE' OR NOT @java, 0, NULL
FROM ev WHERE type IN ('NET.IPASSIGN', 'NET.IPRELEASE')
UNION ALL
SELECT 9, account_id, r, n, s, type = 'SNAPSHOT.CREATE', type = 'SNAPSHOT.DELETE' OR NOT @java, 0, NULL
FROM ev WHERE type IN ('SNAPSHOT.CREATE', 'SNAPSHOT.DELETE')
UNION ALL
SELECT 10, account_id, CONCAT_WS('/', r, o), n, s, type = 'SG.ASSIGN', type = 'SG.REMOVE' OR NOT @java, 0, NULL
FROM ev WHERE type IN ('SG.ASSIGN', 'SG.REMOVE')
UNION ALL
SELECT 11, account_id, r, n, s, type = 'LB.CREATE', type = 'LB.DELETE' OR NOT @java, 0, NULL
FROM ev WHERE type IN ('LB.CREATE', 'LB.DELETE')
UNION ALL
SELECT 12, account_id, r, n, s, type = 'NET.RULEADD', type = 'NET.RULEDELETE' OR NOT @java, 0, NULL
FROM ev WHERE type IN ('NET.RULEADD', 'NET.RULEDELETE')
UNION ALL
SELECT 28, account_id, CONCAT_WS('/', r, o), n, s, type = 'BACKUP.OFFERING.ASSIGN',
       type = 'BACKUP.OFFERING.BACKUPS.DEL' OR NOT @java, 0, NULL
FROM ev WHERE type IN ('BACKUP.OFFERING.ASSIGN', 'BACKUP.OFFERING.BACKUPS.DEL')
-- A server deletes VM snapshots by zone, machine and disk offering, and none without one.
UNION ALL
SELECT 25, account_id, CONCAT_WS('/', z, r, IFNULL(o, CONCAT('none', n))), n, s, type = 'VMSNAPSHOT.CREATE',
       type = 'VMSNAPSHOT.DELETE', 0, NULL
FROM ev WHERE @java AND type IN ('VMSNAPSHOT.CREATE', 'VMSNAPSHOT.DELETE')
-- These ask.
UNION ALL
SELECT 7, account_id, CONCAT_WS('/', r, z), n, s, type <> 'TEMPLATE.DELETE', type = 'TEMPLATE.DELETE', 1, NULL
FROM ev WHERE type = 'TEMPLATE.DELETE' OR (type IN ('TEMPLATE.CREATE', 'TEMPLATE.COPY') AND size > 0)
UNION ALL
SELECT 8, account_id, CONCAT_WS('/', r, z), n, s, type <> 'ISO.DELETE', type = 'ISO.DELETE', 1, NULL
FROM ev WHERE type IN ('ISO.DELETE', 'ISO.CREATE', 'ISO.COPY')
UNION ALL
SELECT 14, account_id, CONCAT_WS('/', r, z), n, s, type = 'VPN.USER.ADD', type = 'VPN.USER.REMOVE', 1, NULL
FROM ev WHERE type IN ('VPN.USER.ADD', 'VPN.USER.REMOVE')
UNION ALL
SELECT 30, account_id, r, n, s, type <> 'NETWORK.DELETE', type <> 'NETWORK.CREATE', type = 'NETWORK.CREATE', NULL
FROM ev WHERE type IN ('NETWORK.CREATE', 'NETWORK.UPDATE', 'NETWORK.DELETE')
UNION ALL
SELECT 31, account_id, r, n, s, type = 'VPC.CREATE', type = 'VPC.DELETE', 1, NULL
FROM ev WHERE type IN ('VPC.CREATE', 'VPC.DELETE')
-- An uploaded volume lies in secondary storage until it is used.
UNION ALL
SELECT 26, account_id, r, n, s, type = 'VOLUME.UPLOAD', 1, 0, NULL
FROM ev WHERE type IN ('VOLUME.UPLOAD', 'VOLUME.CREATE');

-- Snapshots of machines, by id: one that is told twice is one; those without an id are many, and end together.
INSERT INTO act
SELECT 25, account_id, CONCAT_WS('/', r, t, IFNULL(snap, CONCAT('none', n))), n, s, 1, 1, 0, NULL
FROM ev WHERE NOT @java AND type = 'VMSNAPSHOT.CREATE'
UNION ALL
SELECT 25, d.account_id, CONCAT_WS('/', c.r, c.t, IFNULL(c.snap, CONCAT('none', c.n))), d.n, d.s, 0, 1, 0, NULL
FROM ev d JOIN ev c ON c.account_id = d.account_id AND c.r = d.r AND c.t = d.t AND c.snap <=> d.snap AND c.n < d.n
WHERE NOT @java AND d.type = 'VMSNAPSHOT.DELETE' AND c.type = 'VMSNAPSHOT.CREATE'
GROUP BY d.account_id, d.n, 3
UNION ALL
SELECT 27, account_id, CONCAT_WS('/', r, name, IFNULL(snap, 'none'), IF(@java OR snap IS NULL, n, '')), n, s, 1, 1, 0, NULL
FROM ev WHERE type = 'VMSNAPSHOT.ON_PRIMARY'
-- Off primary storage they go by name.
UNION ALL
SELECT 27, d.account_id, CONCAT_WS('/', c.r, c.name, IFNULL(c.snap, 'none'), IF(@java OR c.snap IS NULL, c.n, '')), d.n, d.s, 0, 1, 0, NULL
FROM ev d JOIN ev c ON c.account_id = d.account_id AND c.r = d.r AND c.name = d.name AND c.n < d.n
WHERE d.type = 'VMSNAPSHOT.OFF_PRIMARY' AND c.type = 'VMSNAPSHOT.ON_PRIMARY'
GROUP BY d.account_id, d.n, 3;

-- A volume: a resize goes on with what is open.
INSERT INTO act
SELECT 6, account_id, CONCAT(r, '/'), n, s,
       type = 'VOLUME.CREATE' OR (type = 'VOLUME.RESIZE' AND since = 'VOLUME.CREATE'), 1, 0, NULL
FROM (
  SELECT a.*, FIRST_VALUE(type) OVER (PARTITION BY account_id, r, life ORDER BY n) AS since
  FROM (
    SELECT ev.*, SUM(type <> 'VOLUME.RESIZE') OVER (PARTITION BY account_id, r ORDER BY n) AS life
    FROM ev WHERE type IN ('VOLUME.CREATE', 'VOLUME.RESIZE', 'VOLUME.DELETE')
  ) a
) b;

-- A volume on a machine: any event of the volume ends the stay, and a resize begins it again.
INSERT INTO act
SELECT 6, account_id, CONCAT(r, '/vm'), n, s, on_vm IS NOT NULL, 1, 0, on_vm
FROM (
  SELECT a.*, FIRST_VALUE(IF(type IN ('VOLUME.CREATE', 'VOLUME.ATTACH'), vm, NULL))
                OVER (PARTITION BY account_id, r, stay ORDER BY n) AS on_vm
  FROM (
    SELECT ev.*, SUM(type <> 'VOLUME.RESIZE') OVER (PARTITION BY account_id, r ORDER BY n) AS stay
    FROM ev
    WHERE type IN ('VOLUME.CREATE', 'VOLUME.ATTACH', 'VOLUME.RESIZE', 'VOLUME.DETACH', 'VOLUME.DELETE')
  ) a
) b;

-- first_n: the helper row's place among rows; vm: whose volume; moved: the begin of the row was moved
-- to e, so that a window with e in it knows nothing of the time before; e_after: e counts only from
-- the window after this one; made_n: the event whose zone, template and name the row shows.
CREATE OR REPLACE TEMPORARY TABLE span (
  ut INT NOT NULL, account_id BIGINT UNSIGNED NOT NULL, n INT NOT NULL, s BIGINT NOT NULL,
  e BIGINT NULL, e_n INT NULL, vm BIGINT UNSIGNED NULL, moved TINYINT NOT NULL DEFAULT 0,
  first_n INT NOT NULL, made_n INT NOT NULL, e_after INT NOT NULL DEFAULT -1,
  KEY (account_id, ut, n)
);

INSERT INTO span (ut, account_id, n, s, e, e_n, vm, first_n, made_n)
SELECT ut, account_id, n, s, e, e_n, vm, n, n
FROM (
  SELECT act.*,
         LAG(opens) OVER (PARTITION BY ut, account_id, k ORDER BY n) AS was_open,
         MIN(IF(closes, s, NULL)) OVER (PARTITION BY ut, account_id, k ORDER BY n
           ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS e,
         MIN(IF(closes, n, NULL)) OVER (PARTITION BY ut, account_id, k ORDER BY n
           ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS e_n
  FROM act
) a
WHERE opens AND NOT (asks AND IFNULL(was_open, 0));

-- A server ends a VPN user when it runs, not when the user was removed.
UPDATE span sp JOIN owner USING (account_id) JOIN win USING (h)
SET sp.e = run_ms DIV 1000
WHERE @java AND sp.ut = 14 AND sp.e >= ws AND sp.e < we;
