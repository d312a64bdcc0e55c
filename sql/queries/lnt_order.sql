-- name: lnt_order
-- purpose: one order by its id.
-- params: database String, suite String, order_id UInt32
SELECT order_id, toJSONString(values) AS order_values
FROM v_orders
WHERE database = {database:String} AND suite = {suite:String} AND order_id = {order_id:UInt32}
