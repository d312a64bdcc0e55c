-- name: page_chart_orders
-- purpose: the names of some orders, and what sorts them.
-- params: database String, suite String, order_ids Array(UInt32)
SELECT order_id, name AS order_name, sort_key
FROM v_orders
WHERE database = {database:String} AND suite = {suite:String} AND order_id IN {order_ids:Array(UInt32)}
ORDER BY sort_key, order_id
SETTINGS max_threads = 1
