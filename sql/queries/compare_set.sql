-- name: compare_set
-- purpose: the runs of a set, newest order first: those with the ids, and those of a machine (0 for none) between two places in the history, given as sort keys in hexadecimal ('' for an open end); total_count is the number of all of them.
-- params: database String, suite String, run_ids Array(UInt32), machine_id UInt32, from_key String, to_key String, limit UInt32
SELECT
    r.run_id AS run_id,
    r.seq AS seq,
    r.machine_id AS machine_id,
    r.order_id AS order_id,
    o.name AS order_name,
    r.start_at AS start_at,
    r.sample_count AS sample_count,
    count() OVER () AS total_count
FROM v_runs AS r
INNER JOIN v_orders AS o ON o.database = r.database AND o.suite = r.suite AND o.order_id = r.order_id
WHERE r.database = {database:String} AND r.suite = {suite:String}
    AND o.database = {database:String} AND o.suite = {suite:String}
    AND (
        r.run_id IN {run_ids:Array(UInt32)}
        OR ({machine_id:UInt32} != 0 AND r.machine_id = {machine_id:UInt32}
            AND o.sort_key >= unhex({from_key:String})
            AND ({to_key:String} = '' OR o.sort_key <= unhex({to_key:String})))
    )
ORDER BY o.sort_key DESC, order_id DESC, start_at DESC, run_id DESC
LIMIT {limit:UInt32}
