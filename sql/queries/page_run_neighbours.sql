-- name: page_run_neighbours
-- purpose: the runs of some orders on one machine, the newest first; own_machine_ids are the machines that it was made of.
-- params: database String, suite String, own_machine_ids Array(UInt32), order_ids Array(UInt32)
SELECT run_id, seq, order_id
FROM v_own_runs
WHERE database = {database:String} AND suite = {suite:String} AND own_machine_id IN {own_machine_ids:Array(UInt32)}
    AND order_id IN {order_ids:Array(UInt32)}
ORDER BY start_at DESC, run_id DESC
SETTINGS max_threads = 1
