-- The events that can be used, numbered within their account by time, then id.

CREATE OR REPLACE TEMPORARY TABLE detail (PRIMARY KEY (usage_event_id)) AS
SELECT usage_event_id,
       MAX(IF(name = 'cpuNumber', value, NULL)) AS cores, MAX(IF(name = 'cpuSpeed', value, NULL)) AS speed,
       MAX(IF(name = 'memory', value, NULL)) AS memory, MAX(IF(name = 'vmSnapshotId', value, NULL)) AS snap,
       MAX(name = 'hidden' AND BINARY value = 'true') AS hidden
FROM (
  -- Of two details with one name the older.
  SELECT d.*, ROW_NUMBER() OVER (PARTITION BY usage_event_id, name ORDER BY id) AS nth
  FROM usage_event_details d
) d
WHERE nth = 1
GROUP BY usage_event_id;

CREATE OR REPLACE TEMPORARY TABLE ev (
  PRIMARY KEY (account_id, n), KEY (type), KEY (account_id, r, n)
) AS
SELECT e.account_id, ROW_NUMBER() OVER (PARTITION BY e.account_id ORDER BY e.created, e.id) AS n,
       TIMESTAMPDIFF(SECOND, '1970-01-01', e.created) AS s, e.id, e.type, e.zone_id AS z,
       IFNULL(e.resource_id, 0) AS r, e.resource_name AS name, e.offering_id AS o, e.template_id AS t,
       e.size, e.resource_type AS kind, e.virtual_size AS vs, e.vm_id AS vm,
       d.cores, d.speed, d.memory, d.snap, IFNULL(d.hidden, 0) AS hidden
FROM usage_event e LEFT JOIN detail d ON d.usage_event_id = e.id
WHERE CASE
  WHEN e.type IN ('VM.CREATE', 'VM.START', 'VM.UPGRADE', 'VM.DYNAMIC.SCALE')
    THEN e.offering_id IS NOT NULL AND e.template_id IS NOT NULL
         AND IFNULL(d.cores, '1') REGEXP '^[0-9]+$' AND IFNULL(d.speed, '1') REGEXP '^[0-9]+$'
         AND IFNULL(d.memory, '1') REGEXP '^[0-9]+$'
  WHEN e.type IN ('NET.IPASSIGN', 'VOLUME.CREATE', 'VOLUME.ATTACH', 'VOLUME.RESIZE', 'VOLUME.UPLOAD',
                  'TEMPLATE.CREATE', 'TEMPLATE.COPY', 'ISO.CREATE', 'ISO.COPY', 'SNAPSHOT.CREATE')
    THEN e.size IS NOT NULL
  WHEN e.type IN ('NETWORK.OFFERING.ASSIGN', 'NETWORK.OFFERING.CREATE')
    THEN e.size IS NOT NULL AND e.offering_id IS NOT NULL
  WHEN e.type IN ('NETWORK.OFFERING.REMOVE', 'NETWORK.OFFERING.DELETE', 'NETWORK.CREATE', 'NETWORK.UPDATE',
                  'SG.ASSIGN', 'SG.REMOVE', 'BACKUP.OFFERING.ASSIGN', 'BACKUP.OFFERING.BACKUPS.DEL')
    THEN e.offering_id IS NOT NULL
  WHEN e.type = 'VMSNAPSHOT.CREATE' THEN e.template_id IS NOT NULL
  ELSE TRUE
END;
