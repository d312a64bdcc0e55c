-- name: v_machine_activity
-- purpose: one row per machine with its runs: how many, the newest, and the usual time between them (the median of the newest 50 gaps; 0 with fewer than two runs); filter by database and suite.
CREATE OR REPLACE VIEW v_machine_activity AS
WITH arraySort(groupArrayLast(51)(toUnixTimestamp64Milli(r.received_at))) AS times
SELECT
    r.database AS database,
    r.suite AS suite,
    r.machine_id AS machine_id,
    m.name AS machine,
    count() AS runs,
    uniqExact(r.order_id) AS orders,
    sum(r.sample_count) AS values,
    max(r.received_at) AS last_received_at,
    max(r.start_at) AS last_start_at,
    if(count() < 2, 0, arrayReduce('quantileExactInclusive(0.5)', arrayPopFront(arrayDifference(times))) / 1000) AS usual_gap_s
FROM
(
    SELECT database, suite, machine_id, order_id, sample_count, received_at, start_at
    FROM v_runs
    ORDER BY received_at
) AS r
INNER JOIN v_machines AS m ON m.database = r.database AND m.suite = r.suite AND m.machine_id = r.machine_id
GROUP BY r.database, r.suite, r.machine_id, m.name
