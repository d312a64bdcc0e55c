-- name: v_samples
-- purpose: one row per value of a Real metric that counts, series by series, with ids only.
CREATE OR REPLACE VIEW v_samples AS
SELECT
    database,
    suite,
    machine_id,
    metric,
    test_id,
    order_id,
    run_id,
    load_id,
    row,
    value,
    failed
FROM samples FINAL
WHERE (database, suite, load_id) NOT IN (SELECT database, suite, load_id FROM superseded)
