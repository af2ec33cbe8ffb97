/**
 * The recount's own idea of which resource was billable when, in SQL and from `cloud` alone.
 * It shares no code with the fold on purpose: a rule that is wrong must be wrong twice to pass.
 * The rules are those of a CloudStack 4.23 usage server that ran once after each window.
 *
 * Times are whole seconds since 1970; `id` is the event that opened an interval; `ord` is the event
 * that made the helper row, which decides whose attributes a merged row shows.
 */

/** Tables of the connection, gone with it. `${u}` is the schema they are put into. */
export const tableNames = [
  'recount_event',
  'recount_step',
  'recount_cards',
  'recount_interval',
  'recount_window',
  'recount_expected',
  'recount_actual',
] as const;

/** Copies the events before `untilS` whose account exists, with their details as columns. */
export const copyEvents = (cloud: string, u: string, untilS: number): string => `
  CREATE TEMPORARY TABLE ${u}.recount_event (PRIMARY KEY (id), KEY (account_id, resource_id, s, id))
  ENGINE=InnoDB AS
  SELECT e.id, e.type, e.account_id, TIMESTAMPDIFF(SECOND, '1970-01-01', e.created) AS s,
         e.zone_id, e.resource_id, e.resource_name, e.offering_id, e.template_id, e.size,
         e.resource_type, e.vm_id, d.cores, d.speed, d.memory, IFNULL(d.hidden, 0) AS hidden
  FROM ${cloud}.usage_event e
  JOIN ${cloud}.account a ON a.id = e.account_id
  LEFT JOIN (
    SELECT usage_event_id,
           MAX(CASE WHEN name = 'cpuNumber' THEN value END) AS cores,
           MAX(CASE WHEN name = 'cpuSpeed' THEN value END) AS speed,
           MAX(CASE WHEN name = 'memory' THEN value END) AS memory,
           MAX(name = 'hidden' AND BINARY value = 'true') AS hidden
    FROM ${cloud}.usage_event_details GROUP BY usage_event_id
  ) d ON d.usage_event_id = e.id
  WHERE e.created < FROM_UNIXTIME(0) + INTERVAL ${untilS} SECOND
    AND (e.type IN ('VM.CREATE', 'VM.START', 'VM.STOP', 'VM.DESTROY', 'VM.UPGRADE', 'VM.DYNAMIC.SCALE',
                    'NET.IPASSIGN', 'NET.IPRELEASE')
         OR e.type IN ('VOLUME.CREATE', 'VOLUME.RESIZE', 'VOLUME.DELETE', 'VOLUME.ATTACH', 'VOLUME.DETACH')
         OR e.type LIKE 'NETWORK.OFFERING.%')`;

export const makeIntervals = (u: string): string => `
  CREATE TEMPORARY TABLE ${u}.recount_interval (
    usage_type INT NOT NULL,
    account_id BIGINT UNSIGNED NOT NULL,
    id BIGINT UNSIGNED NOT NULL,
    ord BIGINT UNSIGNED NOT NULL,
    begin_s BIGINT NOT NULL,
    end_s BIGINT NULL,
    moved_s BIGINT NULL COMMENT 'the helper row was moved then: what it billed before is lost in that window',
    merge_key VARCHAR(191) CHARACTER SET ascii NOT NULL,
    identity VARCHAR(191) CHARACTER SET ascii NOT NULL,
    attributes VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL
  ) ENGINE=InnoDB`;

const intoInterval = (u: string): string =>
  `INSERT INTO ${u}.recount_interval
   (usage_type, account_id, id, ord, begin_s, end_s, moved_s, merge_key, identity, attributes)`;

/** The usage server joins these without a separator: two machines can share a key, and then a row. */
const vmKey = (type: number): string =>
  `CONCAT('-', resource_id, offering_id, ${type}, IFNULL(cores, ''), IFNULL(speed, ''), IFNULL(memory, ''))`;
const vmIdentity = `CONCAT_WS('/', resource_id, offering_id, IFNULL(cores, '-'), IFNULL(speed, '-'), IFNULL(memory, '-'))`;

/** 1 RUNNING_VM: from each start or scale to the next start, scale or stop. */
export const runningVms = (u: string): string => `${intoInterval(u)}
  SELECT 1, account_id, id, id, s, next_s, NULL, ${vmKey(1)}, ${vmIdentity},
         CONCAT_WS('/', zone_id, template_id, resource_type)
  FROM (
    SELECT e.*, LEAD(s) OVER (PARTITION BY account_id, resource_id ORDER BY s, id) AS next_s
    FROM ${u}.recount_event e
    WHERE type IN ('VM.START', 'VM.STOP', 'VM.DYNAMIC.SCALE')
  ) e
  WHERE type <> 'VM.STOP' AND offering_id IS NOT NULL AND template_id IS NOT NULL`;

/**
 * 2 ALLOCATED_VM: from each create or upgrade to the next upgrade or destroy. A start or scale with
 * another offering, while exactly one allocation is open, moves that row: it begins anew with the
 * new offering, and keeps the zone, template and hypervisor that it was opened with.
 */
export const allocatedVms = (u: string): string => `${intoInterval(u)}
  WITH ordered AS (
    SELECT e.*,
           SUM(type IN ('VM.UPGRADE', 'VM.DESTROY')) OVER vm AS closings,
           SUM(type IN ('VM.CREATE', 'VM.UPGRADE', 'VM.DESTROY')) OVER vm AS part,
           MIN(CASE WHEN type IN ('VM.UPGRADE', 'VM.DESTROY') THEN s END) OVER (
             PARTITION BY account_id, resource_id ORDER BY s, id
             ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS closed_s
    FROM ${u}.recount_event e
    WHERE type IN ('VM.CREATE', 'VM.UPGRADE', 'VM.DESTROY', 'VM.START', 'VM.DYNAMIC.SCALE')
    WINDOW vm AS (PARTITION BY account_id, resource_id ORDER BY s, id)
  ), chained AS (
    SELECT o.*,
           SUM(type IN ('VM.CREATE', 'VM.UPGRADE')) OVER (
             PARTITION BY account_id, resource_id, closings ORDER BY s, id) AS open_rows,
           LAG(offering_id) OVER part AS offering_before,
           FIRST_VALUE(id) OVER part AS made_by,
           FIRST_VALUE(CONCAT_WS('/', zone_id, template_id, resource_type)) OVER part AS made_with
    FROM ordered o
    WINDOW part AS (PARTITION BY account_id, resource_id, part ORDER BY s, id)
  ), opened AS (
    SELECT c.*, LEAD(s) OVER (PARTITION BY account_id, resource_id, part ORDER BY s, id) AS moved_s
    FROM chained c
    WHERE type IN ('VM.CREATE', 'VM.UPGRADE')
       OR (type IN ('VM.START', 'VM.DYNAMIC.SCALE') AND open_rows = 1 AND offering_id <> offering_before)
  )
  SELECT 2, account_id, id, made_by, s, IF(moved_s IS NULL, closed_s, NULL), moved_s, ${vmKey(2)},
         ${vmIdentity}, made_with
  FROM opened
  WHERE offering_id IS NOT NULL AND template_id IS NOT NULL`;

/** 3 IP_ADDRESS: from an assignment to the next release of the same address text by the account. */
export const addresses = (u: string): string => `${intoInterval(u)}
  SELECT 3, account_id, id, id, s, released_s, NULL, resource_id, resource_id,
         CONCAT_WS('/', zone_id, IF(IFNULL(template_id, 0) = 0, 0, 1), IF(size = 1, 'SourceNat', ''), hidden)
  FROM (
    SELECT e.*, MIN(CASE WHEN type = 'NET.IPRELEASE' THEN s END) OVER (
             PARTITION BY account_id, resource_name ORDER BY s, id
             ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS released_s
    FROM ${u}.recount_event e
    WHERE type IN ('NET.IPASSIGN', 'NET.IPRELEASE')
  ) e
  WHERE type = 'NET.IPASSIGN' AND size IS NOT NULL`;

const volumeIdentity = (vm: string): string =>
  `CONCAT_WS('-', resource_id, IFNULL(NULLIF(offering_id, 0), 'null'), IFNULL(NULLIF(${vm}, 0), 'null'), size)`;
const volumeAttributes = `CONCAT_WS('/', zone_id, IFNULL(NULLIF(template_id, 0), 'null'))`;

/** 6 VOLUME, as such: from a create to the next create or delete, cut at each resize. */
export const volumes = (u: string): string => `${intoInterval(u)}
  SELECT 6, account_id, id, id, s, next_s, NULL, ${volumeIdentity('NULL')}, ${volumeIdentity('NULL')},
         ${volumeAttributes}
  FROM (
    SELECT o.*,
           FIRST_VALUE(type) OVER (PARTITION BY account_id, resource_id, life ORDER BY s, id) AS life_type
    FROM (
      SELECT e.*,
             SUM(type <> 'VOLUME.RESIZE') OVER (PARTITION BY account_id, resource_id ORDER BY s, id) AS life,
             LEAD(s) OVER (PARTITION BY account_id, resource_id ORDER BY s, id) AS next_s
      FROM ${u}.recount_event e
      WHERE type IN ('VOLUME.CREATE', 'VOLUME.RESIZE', 'VOLUME.DELETE')
    ) o
  ) e
  WHERE type <> 'VOLUME.DELETE' AND life_type = 'VOLUME.CREATE' AND size IS NOT NULL`;

/** 6 VOLUME, on a machine: from an attach, or a create that names one, to the next event of the volume. */
export const attachedVolumes = (u: string): string => `${intoInterval(u)}
  SELECT 6, account_id, id, id, s, next_s, NULL, ${volumeIdentity('on_vm')}, ${volumeIdentity('on_vm')},
         ${volumeAttributes}
  FROM (
    SELECT o.*,
           FIRST_VALUE(IF(type IN ('VOLUME.CREATE', 'VOLUME.ATTACH'), vm_id, NULL))
             OVER (PARTITION BY account_id, resource_id, stay ORDER BY s, id) AS on_vm
    FROM (
      SELECT e.*,
             SUM(type <> 'VOLUME.RESIZE') OVER (PARTITION BY account_id, resource_id ORDER BY s, id) AS stay,
             LEAD(s) OVER (PARTITION BY account_id, resource_id ORDER BY s, id) AS next_s
      FROM ${u}.recount_event e
      WHERE type LIKE 'VOLUME.%'
    ) o
  ) e
  WHERE on_vm IS NOT NULL AND size IS NOT NULL`;

/** The events of each (account, machine, network offering), numbered from 1. */
export const numberNicEvents = (u: string): string => `
  CREATE TEMPORARY TABLE ${u}.recount_step (
    ends TINYINT NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, resource_id, offering_id, step), KEY (step)
  ) ENGINE=InnoDB AS
  SELECT account_id, resource_id, offering_id,
         ROW_NUMBER() OVER (PARTITION BY account_id, resource_id, offering_id ORDER BY s, id) AS step,
         id, s, zone_id, IFNULL(size, 0) AS size,
         type IN ('NETWORK.OFFERING.ASSIGN', 'NETWORK.OFFERING.CREATE') AS opens,
         IF(resource_name REGEXP '^[0-9]+$', resource_name, '0') AS nic
  FROM ${u}.recount_event
  WHERE type IN ('NETWORK.OFFERING.ASSIGN', 'NETWORK.OFFERING.CREATE',
                 'NETWORK.OFFERING.REMOVE', 'NETWORK.OFFERING.DELETE')
    AND offering_id IS NOT NULL
    AND (size IS NOT NULL OR type IN ('NETWORK.OFFERING.REMOVE', 'NETWORK.OFFERING.DELETE'))`;

export const countSteps = (u: string): string =>
  `SELECT IFNULL(MAX(step), 0) AS steps FROM ${u}.recount_step`;

/** The cards that are open, as `,7,8,`, of each (account, machine, network offering). */
export const makeCards = (u: string): string => `
  CREATE TEMPORARY TABLE ${u}.recount_cards (
    cards TEXT NOT NULL, PRIMARY KEY (account_id, resource_id, offering_id)
  ) ENGINE=InnoDB AS
  SELECT account_id, resource_id, offering_id, ',' AS cards FROM ${u}.recount_step WHERE step = 1`;

/**
 * Removing a card that is open ends all open cards of the machine with that offering; removing one
 * that is not open does nothing. So the open cards are carried from one event of a group to the
 * next, for all groups at once. Not by a recursive query: MariaDB 10.11 loses rows of one when its
 * work table outgrows memory (seen with 12 675 rows, of which 12 672 came out).
 */
export const takeStep = (u: string, step: number): readonly string[] => {
  const join = `${u}.recount_step n JOIN ${u}.recount_cards c USING (account_id, resource_id, offering_id)`;
  return [
    `UPDATE ${join} SET n.ends = 1
     WHERE n.step = ${step} AND NOT n.opens AND LOCATE(CONCAT(',', n.nic, ','), c.cards) > 0`,
    `UPDATE ${join} SET c.cards = IF(n.ends, ',', CONCAT(c.cards, n.nic, ','))
     WHERE n.step = ${step} AND (n.ends OR n.opens)`,
  ];
};

/** 13 NETWORK_OFFERING: from an assignment to the next removal that ends anything. */
export const networkOfferings = (u: string): string => `${intoInterval(u)}
  SELECT 13, account_id, id, id, s, ended_s, NULL, CONCAT(resource_id, 'NO', offering_id),
         CONCAT_WS('/', resource_id, offering_id), CONCAT_WS('/', zone_id, IF(size = 1, 1, 0))
  FROM (
    SELECT n.*, MIN(CASE WHEN ends THEN s END) OVER (
             PARTITION BY account_id, resource_id, offering_id ORDER BY step
             ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS ended_s
    FROM ${u}.recount_step n
  ) e
  WHERE opens`;
