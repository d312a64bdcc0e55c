-- name: v_own_runs
-- purpose: v_runs by the machines that they came from, which need not be looked for: own_machine_id is not the one that a merged one is now. Filter by database and suite.
-- readers: no
CREATE OR REPLACE VIEW v_own_runs AS
SELECT
    database,
    suite,
    run_id,
    seq,
    load_id,
    machine_id AS own_machine_id,
    order_id,
    start_at,
    end_at,
    received_at,
    fields,
    params,
    sample_rows,
    sample_count
FROM runs FINAL
WHERE deleted = 0
