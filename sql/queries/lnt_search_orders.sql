-- name: lnt_search_orders
-- purpose: what the pickers of LNT's pages call some orders: their text at order_field (from 1, or all of it when 0).
-- params: database String, suite String, order_ids Array(UInt32), order_field UInt32
SELECT order_id, if({order_field:UInt32} = 0, name, values[greatest({order_field:UInt32}, 1)]) AS revision
FROM v_orders
WHERE database = {database:String}
    AND suite = {suite:String}
    AND order_id IN {order_ids:Array(UInt32)}
ORDER BY order_id
SETTINGS max_threads = 1
