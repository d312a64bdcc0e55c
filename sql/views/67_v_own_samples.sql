-- name: v_own_samples
-- purpose: v_sample_history by the machines that measured the values, which need not be looked for: own_machine_id is not the one that a merged one is now. A value is there as often as it was delivered and not merged yet: take each load_id and row once, all are the same. Filter by database, suite, own_machine_id, metric and test_id.
-- readers: no
CREATE OR REPLACE VIEW v_own_samples AS
SELECT
    database,
    suite,
    machine_id AS own_machine_id,
    metric,
    test_id,
    order_id,
    run_id,
    load_id,
    row,
    value,
    failed
FROM samples
