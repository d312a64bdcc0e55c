CREATE MATERIALIZED VIEW IF NOT EXISTS mv_sample_texts TO sample_texts AS
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
    v AS value
FROM ledger
ARRAY JOIN
    text_row AS r,
    text_test_id AS test_id,
    text_metric AS metric,
    text_value AS v
