-- name: page_newest_runs
-- purpose: the runs that came in last; an empty database means all of them, an empty suite all of a database.
-- params: database String, suite String, limit UInt32
WITH
    -- one row per run to show
    newest AS (
        SELECT database, suite, run_id, machine_id, order_id, start_at, received_at, sample_count
        FROM v_runs
        WHERE ({database:String} = '' OR database = {database:String})
            AND ({suite:String} = '' OR suite = {suite:String})
        ORDER BY received_at DESC, seq DESC, database, suite
        LIMIT {limit:UInt32}
    )
SELECT
    newest.database AS database,
    newest.suite AS suite,
    newest.run_id AS run_id,
    newest.machine_id AS machine_id,
    m.name AS machine,
    newest.order_id AS order_id,
    o.name AS order_name,
    newest.start_at AS start_at,
    newest.received_at AS received_at,
    newest.sample_count AS sample_count
FROM newest
INNER JOIN v_machines AS m ON m.database = newest.database AND m.suite = newest.suite AND m.machine_id = newest.machine_id
INNER JOIN v_orders AS o ON o.database = newest.database AND o.suite = newest.suite AND o.order_id = newest.order_id
ORDER BY received_at DESC, database, suite, run_id DESC
