CREATE MATERIALIZED VIEW IF NOT EXISTS mv_runs TO runs AS
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
    JSONExtract(run_fields, 'Map(String, String)') AS fields,
    run_params AS params,
    first_sample_id,
    toUInt32(length(row_test_id)) AS sample_rows,
    toUInt32(length(sample_value)) AS sample_count,
    event_id,
    toUInt8(ledger.params['ignore_regressions'] != '') AS ignore_regressions,
    0 AS deleted
FROM ledger
WHERE run_id > 0
