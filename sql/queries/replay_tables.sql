-- name: replay_tables
-- purpose: the tables of one database that a replay is about: the ledger first, then those its feeding views fill.
-- params: database String
WITH
    -- a row is the name of a table that a view fills
    targets AS
    (
        SELECT extract(create_table_query, ' TO \\S+\\.`?(\\w+)') AS name
        FROM system.tables
        WHERE database = {database:String} AND engine = 'MaterializedView'
    )
SELECT name, sorting_key
FROM system.tables
WHERE database = {database:String} AND (name = 'ledger' OR name IN (SELECT name FROM targets))
ORDER BY name != 'ledger', name
