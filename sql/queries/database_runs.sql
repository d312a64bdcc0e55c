-- name: database_runs
-- purpose: how many runs a database has.
-- params: database String
SELECT count() AS runs
FROM v_runs
WHERE database = {database:String}
