-- name: replay_columns
-- purpose: the stored columns of every table of one database, in their order.
-- params: database String
SELECT table, name, type
FROM system.columns
WHERE database = {database:String} AND default_kind NOT IN ('MATERIALIZED', 'ALIAS', 'EPHEMERAL')
ORDER BY table, position
