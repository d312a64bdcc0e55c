-- name: v_run_rows
-- purpose: LNT's samples of a run: one row per sample id with its test, whether or not it has values; filter as in v_run_samples.
CREATE OR REPLACE VIEW v_run_rows AS
SELECT
    database,
    suite,
    seq,
    run_id,
    load_id,
    toUInt64(first_sample_id + n - 1) AS sample_id,
    toUInt32(n - 1) AS row,
    test_id
FROM ledger FINAL
ARRAY JOIN
    row_test_id AS test_id,
    arrayEnumerate(row_test_id) AS n
