-- Lets the sink carry out a cutover or rollback: it changes and deletes rows of cloud_usage that quota has not
-- charged. Give it to the sink's user before a cutover, and take it back afterwards if you like: without it
-- a request is refused and nothing is changed.
-- Fill in: ${user} ${host} ${schema} ${cloud_usage}; run as an administrator, after deploy/grants/sink.sql.

GRANT UPDATE, DELETE ON `${cloud_usage}`.`cloud_usage` TO '${user}'@'${host}';
GRANT UPDATE (`state`) ON `${schema}`.`generation` TO '${user}'@'${host}';
GRANT SELECT, INSERT, DELETE ON `${schema}`.`succession` TO '${user}'@'${host}';
GRANT SELECT, INSERT, UPDATE, DELETE ON `${schema}`.`record` TO '${user}'@'${host}';
GRANT SELECT, INSERT, DELETE ON `${schema}`.`correction` TO '${user}'@'${host}';
GRANT SELECT, INSERT, UPDATE ON `${schema}`.`published_window` TO '${user}'@'${host}';
GRANT UPDATE ON `${schema}`.`outbox` TO '${user}'@'${host}';
GRANT SELECT ON `${schema}`.`account_state` TO '${user}'@'${host}';
GRANT SELECT, INSERT, DELETE ON `${schema}`.`cutover_charged` TO '${user}'@'${host}';
GRANT SELECT, INSERT, DELETE ON `${schema}`.`cutover_pair` TO '${user}'@'${host}';
GRANT SELECT, INSERT, UPDATE, DELETE ON `${schema}`.`helper_change` TO '${user}'@'${host}';
