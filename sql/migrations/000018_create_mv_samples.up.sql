CREATE MATERIALIZED VIEW IF NOT EXISTS mv_samples TO samples AS
SELECT
    database,
    suite,
    machine_id,
    metric,
    test_id,
    order_id,
    load_id,
    r AS row,
    run_id,
    v AS value,
    f AS failed
FROM ledger
ARRAY JOIN
    sample_row AS r,
    sample_test_id AS test_id,
    sample_metric AS metric,
    sample_value AS v,
    sample_failed AS f
