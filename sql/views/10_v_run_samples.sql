-- name: v_run_samples
-- purpose: the values of Real metrics run by run: filter by database, suite and seq (the position of the run's event), which is a single read whatever the history.
CREATE OR REPLACE VIEW v_run_samples AS
SELECT
    database,
    suite,
    seq,
    run_id,
    load_id,
    machine_id,
    order_id,
    first_sample_id,
    r AS row,
    test_id,
    metric,
    v AS value,
    f AS failed
FROM ledger FINAL
ARRAY JOIN
    sample_row AS r,
    sample_test_id AS test_id,
    sample_metric AS metric,
    sample_value AS v,
    sample_failed AS f
