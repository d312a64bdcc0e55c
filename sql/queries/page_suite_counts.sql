-- name: page_suite_counts
-- purpose: how many runs each suite holds, and of what; tests are in page_test_counts. An empty database means all of them, an empty suite all of a database.
-- params: database String, suite String
SELECT
    database,
    suite,
    count() AS run_count,
    groupUniqArray(own_machine_id) AS own_machine_ids,
    uniqExact(order_id) AS order_count,
    sum(sample_count) AS value_count,
    max(received_at) AS last_received_at
FROM v_own_runs
WHERE ({database:String} = '' OR database = {database:String})
    AND ({suite:String} = '' OR suite = {suite:String})
GROUP BY database, suite
ORDER BY database, suite
SETTINGS max_threads = 1, optimize_aggregation_in_order = 1
