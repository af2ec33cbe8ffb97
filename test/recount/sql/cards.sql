-- The events of network cards, numbered within each group of those that have a say about one another:
-- (account, machine, offering) for a server, and rightly those of one card.

CREATE OR REPLACE TEMPORARY TABLE nic (
  ends TINYINT NOT NULL DEFAULT 0, PRIMARY KEY (account_id, n), KEY (account_id, r, o, card, n), KEY (step)
) AS
SELECT account_id, r, o, n, s, IF(name REGEXP '^[0-9]+$', name, '0') AS card,
       type IN ('NETWORK.OFFERING.ASSIGN', 'NETWORK.OFFERING.CREATE') AS opens,
       ROW_NUMBER() OVER (PARTITION BY account_id, r, o, IF(@java, '', IF(name REGEXP '^[0-9]+$', name, '0'))
                          ORDER BY n) AS step
FROM ev
WHERE type IN ('NETWORK.OFFERING.ASSIGN', 'NETWORK.OFFERING.CREATE',
               'NETWORK.OFFERING.REMOVE', 'NETWORK.OFFERING.DELETE');

CREATE OR REPLACE TEMPORARY TABLE cards (held TEXT NOT NULL, PRIMARY KEY (account_id, r, o)) AS
SELECT account_id, r, o, ',' AS held FROM nic GROUP BY account_id, r, o;

-- Since when a card is open, and whether it took over from itself then.
CREATE OR REPLACE TEMPORARY TABLE card (
  since_s BIGINT NULL, took_over TINYINT NOT NULL DEFAULT 0, PRIMARY KEY (account_id, r, o, card)
) AS
SELECT account_id, r, o, card FROM nic GROUP BY account_id, r, o, card;

SELECT IFNULL(MAX(step), 0) AS steps FROM nic;
