-- name: lnt_search
-- purpose: runs for the pickers of LNT's pages, the newest id first: of some machines, which the reader looked for, and of orders whose text at order_field (from 1, or all of it when 0) holds order_text; what they are called is in lnt_search_orders.
-- params: database String, suite String, own_machine_ids Array(UInt32), order_field UInt32, order_text String, max_rows UInt64
SELECT run_id, own_machine_id, order_id
FROM v_own_runs
WHERE database = {database:String}
    AND suite = {suite:String}
    AND own_machine_id IN {own_machine_ids:Array(UInt32)}
    AND ({order_text:String} = '' OR order_id IN (
        SELECT order_id
        FROM v_orders
        WHERE database = {database:String}
            AND suite = {suite:String}
            AND {order_text:String} != ''
            AND position(if({order_field:UInt32} = 0, name, values[greatest({order_field:UInt32}, 1)]), {order_text:String}) > 0
    ))
ORDER BY run_id DESC
LIMIT {max_rows:UInt64}
SETTINGS max_threads = 1
