-- name: lnt_runs_orders
-- purpose: orders by their ids.
-- params: database String, suite String, order_ids Array(UInt32)
SELECT order_id, toJSONString(values) AS order_values
FROM v_orders
WHERE database = {database:String} AND suite = {suite:String} AND order_id IN {order_ids:Array(UInt32)}
ORDER BY order_id
