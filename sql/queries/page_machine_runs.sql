-- name: page_machine_runs
-- purpose: the runs that some machines sent, newest order first, with ids for names; total_count is the number of all of them.
-- params: database String, suite String, own_machine_ids Array(UInt32), limit UInt32, offset UInt32
SELECT
    r.run_id AS run_id,
    r.order_id AS order_id,
    r.start_at AS start_at,
    r.end_at AS end_at,
    r.received_at AS received_at,
    r.sample_count AS sample_count,
    count() OVER () AS total_count
FROM
(
    SELECT run_id, order_id, start_at, end_at, received_at, sample_count
    FROM v_own_runs
    WHERE database = {database:String} AND suite = {suite:String}
        AND own_machine_id IN {own_machine_ids:Array(UInt32)}
) AS r
INNER JOIN
(
    SELECT order_id, sort_key
    FROM v_orders
    WHERE database = {database:String} AND suite = {suite:String}
) AS o ON o.order_id = r.order_id
ORDER BY o.sort_key DESC, order_id DESC, start_at DESC, run_id DESC
LIMIT {limit:UInt32}
OFFSET {offset:UInt32}
SETTINGS max_threads = 1
