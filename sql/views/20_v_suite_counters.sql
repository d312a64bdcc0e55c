-- name: v_suite_counters
-- purpose: one row per suite with its last position and the last serial of each kind, of deleted things too; filter by database and suite.
CREATE OR REPLACE VIEW v_suite_counters AS
SELECT
    database,
    suite,
    max(seq) AS last_seq,
    max(load_id) AS last_load_id,
    max(run_id) AS last_run_id,
    max(machine_id) AS last_machine_id,
    max(order_id) AS last_order_id,
    max(test_id) AS last_test_id,
    max(sample_id) AS last_sample_id
FROM
(
    SELECT
        database,
        suite,
        seq,
        load_id,
        run_id,
        toUInt32(0) AS machine_id,
        toUInt32(0) AS order_id,
        toUInt32(0) AS test_id,
        toUInt64(if(empty(row_test_id), 0, first_sample_id + length(row_test_id) - 1)) AS sample_id
    FROM ledger
    UNION ALL
    SELECT database, suite, 0, 0, 0, machine_id, 0, 0, 0
    FROM machines
    UNION ALL
    SELECT database, suite, 0, 0, 0, 0, order_id, 0, 0
    FROM orders
    UNION ALL
    SELECT database, suite, 0, 0, 0, 0, 0, test_id, 0
    FROM tests
)
GROUP BY database, suite
