-- name: v_run_texts
-- purpose: the values of Status and Hash metrics run by run; filter as in v_run_samples.
CREATE OR REPLACE VIEW v_run_texts AS
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
    v AS value
FROM ledger FINAL
ARRAY JOIN
    text_row AS r,
    text_test_id AS test_id,
    text_metric AS metric,
    text_value AS v
