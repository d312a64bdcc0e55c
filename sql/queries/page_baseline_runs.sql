-- name: page_baseline_runs
-- purpose: the runs of a machine's first order that is not before a given one, newest first: what LNT compares with for a baseline that the machine has not measured.
-- params: database String, suite String, machine_id UInt32, order_id UInt32
WITH
    -- the place of the order
    (
        SELECT (sort_key, order_id)
        FROM v_orders
        WHERE database = {database:String} AND suite = {suite:String} AND order_id = {order_id:UInt32}
    ) AS here
SELECT
    run_id,
    seq,
    order_id
FROM
(
    SELECT r.run_id AS run_id, r.seq AS seq, r.start_at AS start_at, o.order_id AS order_id, o.sort_key AS sort_key
    FROM v_runs AS r
    INNER JOIN v_orders AS o ON o.order_id = r.order_id
    WHERE r.database = {database:String} AND r.suite = {suite:String} AND r.machine_id = {machine_id:UInt32}
        AND o.database = {database:String} AND o.suite = {suite:String} AND (o.sort_key, o.order_id) >= here
    ORDER BY o.sort_key, o.order_id
    LIMIT 1 WITH TIES
)
ORDER BY start_at DESC, run_id DESC
