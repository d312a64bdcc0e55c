-- name: page_run
-- purpose: one run with its machine and order.
-- params: database String, suite String, run_id UInt32
SELECT
    r.run_id AS run_id,
    r.seq AS seq,
    r.machine_id AS machine_id,
    m.name AS machine,
    r.order_id AS order_id,
    o.name AS order_name,
    r.start_at AS start_at,
    r.end_at AS end_at,
    r.received_at AS received_at,
    r.fields AS fields,
    r.params AS params,
    r.sample_rows AS sample_rows,
    r.sample_count AS sample_count
FROM v_runs AS r
INNER JOIN v_machines AS m ON m.database = r.database AND m.suite = r.suite AND m.machine_id = r.machine_id
INNER JOIN v_orders AS o ON o.database = r.database AND o.suite = r.suite AND o.order_id = r.order_id
WHERE r.database = {database:String} AND r.suite = {suite:String} AND r.run_id = {run_id:UInt32}
    AND m.database = {database:String} AND m.suite = {suite:String}
    AND o.database = {database:String} AND o.suite = {suite:String}
