-- name: page_run
-- purpose: some runs, with ids for the names of their orders and of the machines that they came from.
-- params: database String, suite String, run_ids Array(UInt32)
SELECT
    run_id,
    seq,
    own_machine_id,
    order_id,
    start_at,
    end_at,
    received_at,
    fields,
    params,
    sample_rows,
    sample_count
FROM v_own_runs
WHERE database = {database:String} AND suite = {suite:String} AND run_id IN {run_ids:Array(UInt32)}
ORDER BY run_id
SETTINGS max_threads = 1
