-- name: page_mean
-- purpose: the geometric mean of a machine's tests by order, of the least value that each test has there. It is as of position as_of, whose newest load is last_load; failing values count when failures is 1.
-- params: database String, suite String, machine_id UInt32, metric String, failures UInt8, as_of UInt64, last_load UInt32
WITH
    -- one row per order and test
    least AS (
        SELECT order_id, test_id, min(value) AS value, max(run_id) AS run_id
        FROM v_sample_history
        WHERE database = {database:String} AND suite = {suite:String} AND machine_id = {machine_id:UInt32} AND metric = {metric:String}
            AND load_id <= {last_load:UInt32} AND (failed = 0 OR {failures:UInt8} = 1)
            AND load_id NOT IN (SELECT load_id FROM v_superseded WHERE database = {database:String} AND suite = {suite:String} AND seq <= {as_of:UInt64})
        GROUP BY order_id, test_id
    )
-- zeros have a mean, too
SELECT order_id, max(run_id) AS run_id, exp(avg(log(value + 0.0001))) - 0.0001 AS mean
FROM least
GROUP BY order_id
HAVING isFinite(mean)
ORDER BY order_id
