-- name: lnt_plot_mean
-- purpose: what LNT's geometric mean of a machine is made from: the least value of each test at each order, and when its runs began; failing samples count.
-- params: database String, suite String, machine_id UInt32, metric String, max_values UInt64
WITH
    -- one row per value of the metric; a metric is Real or Status, so one of the two parts is empty
    measured AS
    (
        SELECT order_id, test_id, run_id, value
        FROM v_samples
        WHERE database = {database:String}
          AND suite = {suite:String}
          AND machine_id = {machine_id:UInt32}
          AND metric = {metric:String}
        UNION ALL
        SELECT order_id, test_id, run_id, toFloat64OrZero(value) AS value
        FROM v_sample_texts
        WHERE database = {database:String}
          AND suite = {suite:String}
          AND machine_id = {machine_id:UInt32}
          AND metric = {metric:String}
    ),
    -- one row per order and test
    least AS
    (
        SELECT m.order_id AS order_id, m.test_id AS test_id, min(m.value) AS value, min(r.start_at) AS start_at
        FROM measured AS m
        INNER JOIN
        (
            SELECT run_id, start_at
            FROM v_runs
            WHERE database = {database:String} AND suite = {suite:String} AND machine_id = {machine_id:UInt32}
        ) AS r ON r.run_id = m.run_id
        GROUP BY m.order_id, m.test_id
        ORDER BY order_id, test_id
        LIMIT {max_values:UInt64}
    )
SELECT l.order_id AS order_id, o.values AS order_values, l.start_at AS start_at, l.value AS value
FROM least AS l
INNER JOIN
(
    SELECT order_id, values
    FROM v_orders
    WHERE database = {database:String} AND suite = {suite:String} AND order_id IN (SELECT order_id FROM least)
) AS o ON o.order_id = l.order_id
ORDER BY l.order_id, l.test_id
