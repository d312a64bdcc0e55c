-- name: page_run
-- purpose: one run, with ids for the names of its machine and order, which page_names has.
-- params: database String, suite String, run_id UInt32
SELECT
    run_id,
    seq,
    machine_id,
    order_id,
    start_at,
    end_at,
    received_at,
    fields,
    params,
    sample_rows,
    sample_count
FROM v_runs
WHERE database = {database:String} AND suite = {suite:String} AND run_id = {run_id:UInt32}
SETTINGS max_threads = 1
