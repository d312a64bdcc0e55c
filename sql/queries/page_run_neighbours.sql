-- name: page_run_neighbours
-- purpose: the runs of an order on one machine, of the order before it there and of the one after it; own_machine_ids are the machines that this one was made of, order_key is what sorts the order, in hexadecimal.
-- params: database String, suite String, own_machine_ids Array(UInt32), order_id UInt32, order_key String
WITH
    -- one row: the orders around this one that the machine has runs of, 0 for none
    around AS (
        SELECT
            argMaxIf(order_id, (sort_key, order_id), (sort_key, order_id) < (unhex({order_key:String}), {order_id:UInt32})) AS before,
            argMinIf(order_id, (sort_key, order_id), (sort_key, order_id) > (unhex({order_key:String}), {order_id:UInt32})) AS after
        FROM v_orders
        WHERE database = {database:String} AND suite = {suite:String} AND order_id IN (
            SELECT order_id
            FROM v_own_runs
            WHERE database = {database:String} AND suite = {suite:String} AND own_machine_id IN {own_machine_ids:Array(UInt32)}
        )
    )
SELECT run_id, seq, order_id
FROM v_own_runs
WHERE database = {database:String} AND suite = {suite:String} AND own_machine_id IN {own_machine_ids:Array(UInt32)}
    AND order_id IN (SELECT arrayJoin([before, {order_id:UInt32}, after]) FROM around)
ORDER BY start_at DESC, run_id DESC
SETTINGS max_threads = 1
