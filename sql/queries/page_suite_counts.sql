-- name: page_suite_counts
-- purpose: how much each suite holds; an empty database means all of them, an empty suite all of a database.
-- params: database String, suite String
WITH
    -- one row per suite with runs
    counted AS (
        SELECT
            database,
            suite,
            count() AS run_count,
            uniqExact(machine_id) AS machine_count,
            uniqExact(order_id) AS order_count,
            sum(sample_count) AS value_count,
            max(received_at) AS last_received_at
        FROM v_runs
        WHERE ({database:String} = '' OR database = {database:String})
            AND ({suite:String} = '' OR suite = {suite:String})
        GROUP BY database, suite
    ),
    -- one row per suite with tests
    named AS (
        SELECT database, suite, count() AS test_count
        FROM v_tests
        WHERE ({database:String} = '' OR database = {database:String})
            AND ({suite:String} = '' OR suite = {suite:String})
        GROUP BY database, suite
    )
SELECT
    counted.database AS database,
    counted.suite AS suite,
    run_count,
    machine_count,
    order_count,
    test_count,
    value_count,
    last_received_at
FROM counted
LEFT JOIN named ON named.database = counted.database AND named.suite = counted.suite
ORDER BY database, suite
SETTINGS max_threads = 1, optimize_aggregation_in_order = 1
