-- question: How much did each test change since an order?
WITH (SELECT any(sort_key) FROM v_orders WHERE database = {database:String} AND suite = {suite:String} AND name = {order:String}) AS since
SELECT machine, test, medianIf(value, sort_key < since) AS before, medianIf(value, sort_key >= since) AS after, round(100 * (after / nullIf(before, 0) - 1), 2) AS percent
FROM v_results
WHERE database = {database:String} AND suite = {suite:String} AND metric = {metric:String} AND failed = 0
GROUP BY machine, test
HAVING countIf(sort_key < since) > 0 AND countIf(sort_key >= since) > 0
ORDER BY abs(percent) DESC NULLS LAST, machine, test
LIMIT 50
