-- name: page_newest_runs
-- purpose: the runs that came in last, with the machines that sent them and ids for names; an empty database means all of them, an empty suite all of a database.
-- params: database String, suite String, limit UInt32
SELECT database, suite, run_id, own_machine_id, order_id, start_at, received_at, sample_count
FROM v_own_runs
WHERE ({database:String} = '' OR database = {database:String})
    AND ({suite:String} = '' OR suite = {suite:String})
ORDER BY received_at DESC, seq DESC, database, suite
LIMIT {limit:UInt32}
SETTINGS max_threads = 1
