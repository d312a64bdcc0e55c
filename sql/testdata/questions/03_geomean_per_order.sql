-- question: What is the geometric mean of the suite per order?
-- Only tests that every order has would be strictly comparable; count shows when the set changes.
WITH levels AS (
    SELECT machine, order_name, sort_key, test, min(value) AS level
    FROM v_results
    WHERE database = {database:String} AND suite = {suite:String} AND metric = {metric:String} AND failed = 0 AND value > 0
    GROUP BY machine, order_name, sort_key, test
)
SELECT machine, order_name, exp(avg(log(level))) AS geomean, count() AS tests
FROM levels
GROUP BY machine, order_name, sort_key
ORDER BY machine, sort_key
