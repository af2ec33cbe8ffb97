-- The windows that rows are of: w is odd but for the first of two that a server makes of a long day. js and je
-- are those of the run: all its windows know what happened up to its end.

CREATE OR REPLACE TEMPORARY TABLE win (PRIMARY KEY (h, w)) AS
SELECT h, 2 * nth AS w, js AS ws, cut_s AS we, js, je, run_ms FROM run WHERE @java AND cut_s IS NOT NULL
UNION ALL
SELECT h, 2 * nth + 1, IF(@java, IFNULL(cut_s, js), js), je, js, je, run_ms FROM run;
