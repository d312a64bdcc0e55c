-- name: lnt_machine_runs
-- purpose: all runs of a machine with their orders, in the order of their ids.
-- params: database String, suite String, machine_id UInt32
SELECT
    r.run_id AS run_id,
    r.order_id AS order_id,
    r.start_at AS start_at,
    r.end_at AS end_at,
    toJSONString(r.fields) AS fields_json,
    r.params AS params,
    toJSONString(o.values) AS order_values
FROM
(
    SELECT run_id, order_id, start_at, end_at, fields, params
    FROM v_runs
    WHERE database = {database:String} AND suite = {suite:String} AND machine_id = {machine_id:UInt32}
) AS r
INNER JOIN
(
    SELECT order_id, values
    FROM v_orders
    WHERE database = {database:String} AND suite = {suite:String}
) AS o ON o.order_id = r.order_id
ORDER BY run_id
