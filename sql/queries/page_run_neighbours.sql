-- name: page_run_neighbours
-- purpose: the runs of the order before (side -1) and after (side 1) an order on one machine, and of that order itself (0); newest run first.
-- params: database String, suite String, machine_id UInt32, order_id UInt32
WITH
    -- one row per run of the machine, with the place of its order among the machine's orders
    placed AS (
        SELECT
            r.run_id AS run_id,
            r.seq AS seq,
            r.start_at AS start_at,
            r.order_id AS order_id,
            o.name AS order_name,
            toInt64(dense_rank() OVER (ORDER BY o.sort_key, r.order_id)) AS place
        FROM v_runs AS r
        INNER JOIN v_orders AS o ON o.database = r.database AND o.suite = r.suite AND o.order_id = r.order_id
        WHERE r.database = {database:String} AND r.suite = {suite:String} AND r.machine_id = {machine_id:UInt32}
            AND o.database = {database:String} AND o.suite = {suite:String}
    )
SELECT
    run_id,
    seq,
    order_id,
    order_name,
    toInt8(place - (SELECT max(place) FROM placed WHERE order_id = {order_id:UInt32})) AS side
FROM placed
WHERE abs(place - (SELECT max(place) FROM placed WHERE order_id = {order_id:UInt32})) <= 1
ORDER BY side, start_at DESC, run_id DESC
