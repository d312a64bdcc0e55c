-- name: page_run_around
-- purpose: the orders before and after an order that one machine has runs of, 0 for none; own_machine_ids are the machines that this one was made of, order_key is what sorts the order, in hexadecimal.
-- params: database String, suite String, own_machine_ids Array(UInt32), order_id UInt32, order_key String
SELECT
    argMaxIf(order_id, (sort_key, order_id), (sort_key, order_id) < (unhex({order_key:String}), {order_id:UInt32})) AS before,
    argMinIf(order_id, (sort_key, order_id), (sort_key, order_id) > (unhex({order_key:String}), {order_id:UInt32})) AS after
FROM v_delivered_orders
WHERE database = {database:String} AND suite = {suite:String} AND order_id IN (
    SELECT order_id
    FROM v_own_runs
    WHERE database = {database:String} AND suite = {suite:String} AND own_machine_id IN {own_machine_ids:Array(UInt32)}
)
SETTINGS max_threads = 1
