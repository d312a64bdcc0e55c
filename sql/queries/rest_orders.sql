-- name: rest_orders
-- purpose: orders by number or by name, with the sort key in hexadecimal.
-- params: database String, suite String, order_ids Array(UInt32), name String
SELECT order_id, name, hex(sort_key) AS sort_key
FROM v_orders
WHERE database = {database:String} AND suite = {suite:String}
    AND (order_id IN {order_ids:Array(UInt32)} OR ({name:String} != '' AND name = {name:String}))
ORDER BY v_orders.sort_key, order_id
