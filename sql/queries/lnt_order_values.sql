-- name: lnt_order_values
-- purpose: the values of one order, one per order field of the suite.
-- params: database String, suite String, order_id UInt32
SELECT values AS order_values
FROM v_orders
WHERE database = {database:String} AND suite = {suite:String} AND order_id = {order_id:UInt32}
