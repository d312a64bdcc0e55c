-- name: lnt_runs
-- purpose: runs by their ids, with their orders, their machines and the positions that hold their samples.
-- params: database String, suite String, run_ids Array(UInt32)
WITH
    -- one row per run that was asked for
    wanted AS
    (
        SELECT run_id, seq, machine_id, order_id, start_at, end_at, fields, params, sample_rows
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
    toJSONString(o.values) AS order_values,
    r.seq AS seq,
    r.sample_rows AS sample_rows,
    r.machine_id AS machine_id,
    m.name AS machine,
    toJSONString(m.fields) AS machine_fields_json,
    m.params AS machine_params
FROM wanted AS r
INNER JOIN
(
    SELECT order_id, values
    FROM v_orders
    WHERE database = {database:String} AND suite = {suite:String} AND order_id IN (SELECT order_id FROM wanted)
) AS o ON o.order_id = r.order_id
INNER JOIN
(
    SELECT machine_id, name, fields, params
    FROM v_machines
    WHERE database = {database:String} AND suite = {suite:String} AND machine_id IN (SELECT machine_id FROM wanted)
) AS m ON m.machine_id = r.machine_id
ORDER BY run_id
