-- name: page_machines
-- purpose: what each machine of a suite reported, and in the row of machine 0 what all of them did. Machines are those that sent the runs; the reader adds up what was merged.
-- params: database String, suite String
SELECT
    r.own_machine_id AS own_machine_id,
    count() AS run_count,
    uniqExact(r.order_id) AS order_count,
    sum(r.sample_count) AS value_count,
    max(r.received_at) AS last_received_at,
    argMax(r.run_id, r.seq) AS last_run_id,
    max(r.seq) AS last_seq,
    argMax(r.order_id, o.sort_key) AS newest_order_id,
    max(o.sort_key) AS newest_sort_key
FROM
(
    SELECT own_machine_id, run_id, seq, order_id, received_at, sample_count
    FROM v_own_runs
    WHERE database = {database:String} AND suite = {suite:String}
) AS r
INNER JOIN
(
    SELECT order_id, sort_key
    FROM v_orders
    WHERE database = {database:String} AND suite = {suite:String}
) AS o ON o.order_id = r.order_id
GROUP BY r.own_machine_id WITH ROLLUP
ORDER BY own_machine_id
SETTINGS max_threads = 1
