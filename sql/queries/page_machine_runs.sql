-- name: page_machine_runs
-- purpose: the runs of a machine, newest order first; total_count is the number of all of them.
-- params: database String, suite String, machine_id UInt32, limit UInt32, offset UInt32
SELECT
    r.database AS database,
    r.suite AS suite,
    r.run_id AS run_id,
    r.machine_id AS machine_id,
    r.order_id AS order_id,
    o.name AS order_name,
    r.start_at AS start_at,
    r.end_at AS end_at,
    r.received_at AS received_at,
    r.sample_count AS sample_count,
    count() OVER () AS total_count
FROM v_runs AS r
INNER JOIN
(
    SELECT order_id, name, sort_key
    FROM v_orders
    WHERE database = {database:String} AND suite = {suite:String}
) AS o ON o.order_id = r.order_id
WHERE r.database = {database:String} AND r.suite = {suite:String} AND r.machine_id = {machine_id:UInt32}
ORDER BY o.sort_key DESC, order_id DESC, start_at DESC, run_id DESC
LIMIT {limit:UInt32}
OFFSET {offset:UInt32}
SETTINGS max_threads = 1
