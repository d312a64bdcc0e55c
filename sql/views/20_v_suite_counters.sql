-- name: v_suite_counters
-- purpose: one row per suite with its last position and the largest serial of each kind, of deleted things too, from the ledger alone, as v_ledger_machines; filter by database and suite.
CREATE OR REPLACE VIEW v_suite_counters AS
SELECT
    database,
    suite,
    max(seq) AS last_seq,
    max(load_id) AS last_load_id,
    max(run_id) AS last_run_id,
    max(arrayMax(machine_row_id)) AS last_machine_id,
    max(arrayMax(order_row_id)) AS last_order_id,
    max(arrayMax(test_row_id)) AS last_test_id,
    max(toUInt64(if(empty(row_test_id), 0, first_sample_id + length(row_test_id) - 1))) AS last_sample_id
FROM ledger
GROUP BY database, suite
