-- name: page_chart_starts
-- purpose: when each order was measured first on some machines, by the machines that the runs came from, of the runs from first_run to last_run.
-- params: database String, suite String, own_machine_ids Array(UInt32), first_run UInt32, last_run UInt32
SELECT own_machine_id, order_id, min(start_at) AS start_at
FROM v_own_runs
WHERE database = {database:String} AND suite = {suite:String} AND run_id BETWEEN {first_run:UInt32} AND {last_run:UInt32}
    AND own_machine_id IN {own_machine_ids:Array(UInt32)}
GROUP BY own_machine_id, order_id
ORDER BY own_machine_id, order_id
SETTINGS max_threads = 1
