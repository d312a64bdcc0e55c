-- name: daily_runs
-- purpose: the runs that began in a span of time, its beginning left out and its end in it, newest order of each machine first.
-- params: database String, suite String, after DateTime64(6), until DateTime64(6), limit UInt32
SELECT
    r.run_id AS run_id,
    r.seq AS seq,
    r.machine_id AS machine_id,
    r.order_id AS order_id,
    o.name AS order_name,
    r.start_at AS start_at,
    r.sample_count AS sample_count
FROM v_runs AS r
INNER JOIN v_orders AS o ON o.database = r.database AND o.suite = r.suite AND o.order_id = r.order_id
WHERE r.database = {database:String} AND r.suite = {suite:String}
    AND r.start_at > {after:DateTime64(6)} AND r.start_at <= {until:DateTime64(6)}
    AND o.database = {database:String} AND o.suite = {suite:String}
ORDER BY machine_id, o.sort_key DESC, order_id DESC, r.start_at DESC, run_id DESC
LIMIT {limit:UInt32}
