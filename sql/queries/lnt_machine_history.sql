-- name: lnt_machine_history
-- purpose: the runs of a machine as LNT's page of it has them in JSON: by order, those of one order by their start, newest first.
-- params: database String, suite String, machine_id UInt32
SELECT r.run_id AS run_id, o.values AS order_values, r.start_at AS start_at, r.end_at AS end_at
FROM
(
    SELECT run_id, order_id, start_at, end_at
    FROM v_runs
    WHERE database = {database:String} AND suite = {suite:String} AND machine_id = {machine_id:UInt32}
) AS r
INNER JOIN
(
    SELECT order_id, values, sort_key
    FROM v_orders
    WHERE database = {database:String} AND suite = {suite:String}
) AS o ON o.order_id = r.order_id
ORDER BY o.sort_key, start_at DESC, run_id
