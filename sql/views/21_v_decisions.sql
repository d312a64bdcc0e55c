-- name: v_decisions
-- purpose: one row per event, repetitions too: where it is in the log and what was answered. machine_name, deleted_runs and regression_id are set for events of machines, runs and regressions alone.
CREATE OR REPLACE VIEW v_decisions AS
SELECT
    database,
    suite,
    seq,
    event_id,
    event_type,
    topic,
    partition,
    offset,
    stored_at,
    body_digest,
    status,
    code,
    error,
    message,
    field,
    duplicate_of,
    run_id,
    load_id,
    machine_id,
    order_id,
    added_machines,
    added_runs,
    added_tests,
    added_samples,
    if(startsWith(event_type, 'machine.'), machine_row_name[indexOf(machine_row_id, machine_id)], '') AS machine_name,
    if(event_type IN ('run.retracted', 'machine.deleted'), deleted_run_id, []) AS deleted_runs,
    if(startsWith(event_type, 'regression.') AND notEmpty(regression_rows), JSONExtract(regression_rows[-1], 'regression_id', 'UInt32'), 0) AS regression_id
FROM ledger FINAL
