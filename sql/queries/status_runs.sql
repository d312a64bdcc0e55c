-- name: status_runs
-- purpose: of each machine that reported within a day of the newest run: its newest run, and the newest one at or before a place in the history (a sort key in hexadecimal), or after it where there is none; with '' the order before the newest.
-- params: database String, suite String, at_key String, limit UInt32
WITH
    -- one row per run with its place
    placed AS (
        SELECT
            r.machine_id AS machine_id,
            r.run_id AS run_id,
            r.seq AS seq,
            r.start_at AS start_at,
            o.name AS order_name,
            o.sort_key AS sort_key,
            max(o.sort_key) OVER (PARTITION BY r.machine_id) AS newest_key
        FROM v_runs AS r
        INNER JOIN v_orders AS o ON o.database = r.database AND o.suite = r.suite AND o.order_id = r.order_id
        WHERE r.database = {database:String} AND r.suite = {suite:String}
            AND o.database = {database:String} AND o.suite = {suite:String}
    ),
    -- one row per machine that reported lately: run, position and order of each of the three
    chosen AS (
        SELECT
            machine_id,
            max(start_at) AS last_start_at,
            argMax((run_id, seq, order_name), (sort_key, start_at, run_id)) AS newest,
            argMaxIf((run_id, seq, order_name), (sort_key, start_at, run_id),
                if({at_key:String} = '', sort_key < newest_key, sort_key <= unhex({at_key:String}))) AS reference,
            argMin((run_id, seq, order_name), (sort_key, start_at, run_id)) AS oldest
        FROM placed
        GROUP BY machine_id
        HAVING last_start_at >= (SELECT max(start_at) FROM placed) - INTERVAL 1 DAY
    )
SELECT
    machine_id,
    newest.1 AS run_id,
    newest.2 AS seq,
    newest.3 AS order_name,
    if(reference.1 = 0, oldest.1, reference.1) AS base_run_id,
    if(reference.1 = 0, oldest.2, reference.2) AS base_seq,
    if(reference.1 = 0, oldest.3, reference.3) AS base_order_name
FROM chosen
ORDER BY last_start_at DESC, machine_id
LIMIT {limit:UInt32}
