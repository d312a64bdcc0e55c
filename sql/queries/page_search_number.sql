-- name: page_search_number
-- purpose: the runs that have a number, one of each suite. With every, of any database.
-- params: every UInt8, databases Array(String), id UInt32, limit UInt32
SELECT 'run' AS kind, database, suite, run_id AS id, toString(run_id) AS text, toString(toDate(received_at)) AS detail, toUInt8(1) AS exact
FROM v_runs
WHERE run_id = {id:UInt32} AND ({every:UInt8} = 1 OR has({databases:Array(String)}, database))
ORDER BY database, suite
LIMIT {limit:UInt32}
