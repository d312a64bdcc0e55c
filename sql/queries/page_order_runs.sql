-- name: page_order_runs
-- purpose: the runs of an order, machine by machine; total_count is the number of all of them.
-- params: database String, suite String, order_id UInt32, limit UInt32, offset UInt32
SELECT
    r.database AS database,
    r.suite AS suite,
    r.run_id AS run_id,
    r.machine_id AS machine_id,
    m.name AS machine,
    r.order_id AS order_id,
    r.start_at AS start_at,
    r.end_at AS end_at,
    r.received_at AS received_at,
    r.sample_count AS sample_count,
    count() OVER () AS total_count
FROM v_runs AS r
INNER JOIN v_machines AS m ON m.database = r.database AND m.suite = r.suite AND m.machine_id = r.machine_id
WHERE r.database = {database:String} AND r.suite = {suite:String} AND r.order_id = {order_id:UInt32}
    AND m.database = {database:String} AND m.suite = {suite:String}
ORDER BY machine, machine_id, start_at DESC, run_id DESC
LIMIT {limit:UInt32}
OFFSET {offset:UInt32}
