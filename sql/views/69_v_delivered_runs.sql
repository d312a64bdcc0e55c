-- name: v_delivered_runs
-- purpose: what a run brought, as columns, as often as it was delivered and not merged yet: take one row per seq, all are the same. So it is a read of a few granules. Filter by database, suite and seq.
-- readers: no
CREATE OR REPLACE VIEW v_delivered_runs AS
SELECT
    database,
    suite,
    seq,
    run_id,
    sample_row,
    sample_test_id,
    sample_metric,
    sample_value,
    sample_failed,
    text_row,
    text_test_id,
    text_metric,
    text_value
FROM ledger
WHERE run_id > 0
