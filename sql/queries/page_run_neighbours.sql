-- name: page_run_neighbours
-- purpose: the runs of the order before (side -1) and after (side 1) an order on one machine, and of that order itself (0); newest run first.
-- params: database String, suite String, machine_id UInt32, order_id UInt32
WITH
    -- the place of the order
    (
        SELECT (sort_key, order_id)
        FROM v_orders
        WHERE database = {database:String} AND suite = {suite:String} AND order_id = {order_id:UInt32}
    ) AS here,
    -- one row per run of the machine, with the place of its order and the two places around it that have runs
    placed AS (
        SELECT
            r.run_id AS run_id,
            r.seq AS seq,
            r.start_at AS start_at,
            r.order_id AS order_id,
            o.name AS order_name,
            (o.sort_key, r.order_id) AS place,
            maxIf((o.sort_key, r.order_id), (o.sort_key, r.order_id) < here) OVER () AS before,
            minIf((o.sort_key, r.order_id), (o.sort_key, r.order_id) > here) OVER () AS after
        FROM v_runs AS r
        INNER JOIN
        (
            SELECT order_id, name, sort_key
            FROM v_orders
            WHERE database = {database:String} AND suite = {suite:String}
        ) AS o ON o.order_id = r.order_id
        WHERE r.database = {database:String} AND r.suite = {suite:String} AND r.machine_id = {machine_id:UInt32}
    )
SELECT
    run_id,
    seq,
    order_id,
    order_name,
    multiIf(place = here, toInt8(0), place = before, toInt8(-1), toInt8(1)) AS side
FROM placed
WHERE place = here OR place = before OR place = after
ORDER BY side, start_at DESC, run_id DESC
SETTINGS max_threads = 1
