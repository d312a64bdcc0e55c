-- question: Which orders did a machine skip?
SELECT o.name AS order_name
FROM v_orders AS o
WHERE o.database = {database:String} AND o.suite = {suite:String} AND o.order_id NOT IN (
    SELECT order_id
    FROM v_runs
    WHERE database = {database:String} AND suite = {suite:String} AND machine_id IN (
        SELECT machine_id FROM v_machines WHERE database = {database:String} AND suite = {suite:String} AND name = {machine:String}
    )
)
ORDER BY o.sort_key
LIMIT 100
