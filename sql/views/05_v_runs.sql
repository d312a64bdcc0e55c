-- name: v_runs
-- purpose: one row per run that counts; a replaced run shows its newest generation.
CREATE OR REPLACE VIEW v_runs AS
SELECT
    database,
    suite,
    run_id,
    seq,
    load_id,
    machine_id,
    order_id,
    start_at,
    end_at,
    received_at,
    fields,
    params,
    first_sample_id,
    sample_rows,
    sample_count,
    event_id,
    ignore_regressions
FROM runs FINAL
WHERE deleted = 0
