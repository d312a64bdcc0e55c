-- name: v_sample_texts
-- purpose: one row per value of a Status ('0' pass, '1' fail, '2' expected fail) or Hash metric that counts.
CREATE OR REPLACE VIEW v_sample_texts AS
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
    value
FROM sample_texts FINAL
WHERE (database, suite, load_id) NOT IN (SELECT database, suite, load_id FROM superseded)
