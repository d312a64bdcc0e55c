-- name: lnt_newest_orders
-- purpose: the order of each of some machines that LNT takes for the newest: the last one by its text at order_field (from 1, or all of it when 0).
-- params: database String, suite String, machine_ids Array(UInt32), order_field UInt32
SELECT r.machine_id AS machine_id, argMax(r.order_id, (o.revision, r.order_id)) AS order_id
FROM
(
    SELECT machine_id, order_id
    FROM v_runs
    WHERE database = {database:String} AND suite = {suite:String} AND machine_id IN {machine_ids:Array(UInt32)}
) AS r
INNER JOIN
(
    SELECT order_id, if({order_field:UInt32} = 0, name, values[greatest({order_field:UInt32}, 1)]) AS revision
    FROM v_orders
    WHERE database = {database:String} AND suite = {suite:String}
) AS o ON o.order_id = r.order_id
GROUP BY r.machine_id
ORDER BY machine_id
