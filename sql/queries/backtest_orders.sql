-- name: backtest_orders
-- purpose: the orders of a suite in order, each with the time at which its first run began; of one machine, or with id 0 of all.
-- params: database String, suite String, machine_id UInt32
SELECT o.order_id AS order_id, o.name AS name, r.first_at AS first_at
FROM
(
    SELECT order_id, name, sort_key
    FROM v_orders
    WHERE database = {database:String} AND suite = {suite:String}
) AS o
INNER JOIN
(
    SELECT order_id, min(start_at) AS first_at
    FROM v_runs
    WHERE database = {database:String} AND suite = {suite:String} AND ({machine_id:UInt32} = 0 OR machine_id = {machine_id:UInt32})
    GROUP BY order_id
) AS r ON r.order_id = o.order_id
ORDER BY o.sort_key, o.order_id
