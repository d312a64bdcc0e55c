-- name: lnt_change_runs
-- purpose: some runs with their orders, for the JSON of regressions.
-- params: database String, suite String, run_ids Array(UInt32)
WITH
    -- one row per run that was asked for
    wanted AS
    (
        SELECT run_id, order_id, start_at, end_at, fields, params
        FROM v_runs
        WHERE database = {database:String} AND suite = {suite:String} AND run_id IN {run_ids:Array(UInt32)}
    )
SELECT
    r.run_id AS run_id,
    r.order_id AS order_id,
    r.start_at AS start_at,
    r.end_at AS end_at,
    toJSONString(r.fields) AS fields_json,
    r.params AS params,
    toJSONString(o.values) AS order_values
FROM wanted AS r
INNER JOIN
(
    SELECT order_id, values
    FROM v_orders
    WHERE database = {database:String} AND suite = {suite:String} AND order_id IN (SELECT order_id FROM wanted)
) AS o ON o.order_id = r.order_id
ORDER BY run_id
