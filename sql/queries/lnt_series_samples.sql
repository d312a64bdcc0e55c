-- name: lnt_series_samples
-- purpose: every value of one series in the order of its commits, with what its status says.
-- params: database String, suite String, machine_id UInt32, test_id UInt32, metric String
WITH
    -- one row per value of the series
    series AS
    (
        SELECT order_id, run_id, load_id, row, value, failed
        FROM v_samples
        WHERE database = {database:String}
          AND suite = {suite:String}
          AND machine_id = {machine_id:UInt32}
          AND metric = {metric:String}
          AND test_id = {test_id:UInt32}
    )
SELECT s.order_id AS order_id, o.name AS order_name, s.run_id AS run_id, s.value AS value, s.failed AS failed
FROM series AS s
INNER JOIN
(
    SELECT order_id, name, sort_key
    FROM v_orders
    WHERE database = {database:String} AND suite = {suite:String} AND order_id IN (SELECT order_id FROM series)
) AS o ON o.order_id = s.order_id
ORDER BY o.sort_key, s.order_id, s.load_id, s.row
