-- name: v_run_parts
-- purpose: what a run brought, as columns: one row per run and generation, with an entry per sample row, per value of a Real metric and per text; filter as in v_run_samples.
CREATE OR REPLACE VIEW v_run_parts AS
SELECT
    database,
    suite,
    seq,
    run_id,
    load_id,
    first_sample_id,
    row_test_id,
    sample_row,
    sample_metric,
    sample_value,
    text_row,
    text_metric,
    text_value
FROM ledger FINAL
WHERE run_id > 0
