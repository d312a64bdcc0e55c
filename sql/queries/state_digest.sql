-- name: state_digest
-- purpose: number of rows and digest of the content of everything readers see, table by table, whatever the order of the rows and when they were stored; an empty name stands for all.
-- params: database String, suite String
WITH
    -- a row is one row of a view, as a number
    digests AS
    (
        SELECT 'suites' AS name, cityHash64(database, suite, seq, schema) AS digest
        FROM v_suites
        WHERE ({database:String} = '' OR database = {database:String}) AND ({suite:String} = '' OR suite = {suite:String})
        UNION ALL
        SELECT 'machines', cityHash64(database, suite, machine_id, name, toString(fields), params, seq)
        FROM v_machines
        WHERE ({database:String} = '' OR database = {database:String}) AND ({suite:String} = '' OR suite = {suite:String})
        UNION ALL
        SELECT 'machine_states', cityHash64(database, suite, machine_id, name, toString(fields), params, deleted, merged_into, seq)
        FROM v_machine_states
        WHERE ({database:String} = '' OR database = {database:String}) AND ({suite:String} = '' OR suite = {suite:String})
        UNION ALL
        SELECT 'orders', cityHash64(database, suite, order_id, name, values, sort_key)
        FROM v_orders
        WHERE ({database:String} = '' OR database = {database:String}) AND ({suite:String} = '' OR suite = {suite:String})
        UNION ALL
        SELECT 'tests', cityHash64(database, suite, test_id, name)
        FROM v_tests
        WHERE ({database:String} = '' OR database = {database:String}) AND ({suite:String} = '' OR suite = {suite:String})
        UNION ALL
        SELECT 'runs', cityHash64(database, suite, run_id, seq, load_id, machine_id, order_id, start_at, end_at, received_at, toString(fields), params, first_sample_id, sample_rows, sample_count, event_id, ignore_regressions)
        FROM v_runs
        WHERE ({database:String} = '' OR database = {database:String}) AND ({suite:String} = '' OR suite = {suite:String})
        UNION ALL
        SELECT 'samples', cityHash64(database, suite, machine_id, metric, test_id, order_id, run_id, load_id, row, value, failed)
        FROM v_samples
        WHERE ({database:String} = '' OR database = {database:String}) AND ({suite:String} = '' OR suite = {suite:String})
        UNION ALL
        SELECT 'sample_texts', cityHash64(database, suite, machine_id, metric, test_id, order_id, run_id, load_id, row, value)
        FROM v_sample_texts
        WHERE ({database:String} = '' OR database = {database:String}) AND ({suite:String} = '' OR suite = {suite:String})
        UNION ALL
        SELECT 'run_rows', cityHash64(database, suite, seq, run_id, load_id, sample_id, row, test_id)
        FROM v_run_rows
        WHERE ({database:String} = '' OR database = {database:String}) AND ({suite:String} = '' OR suite = {suite:String})
        UNION ALL
        SELECT 'receipts', cityHash64(database, suite, event_id, seq, event_type, received_at, status, code, error, message, field, run_id, machine_id, order_id, added_machines, added_runs, added_tests, added_samples, topic, partition, offset, actor, request_id, body_bytes)
        FROM v_receipts
        WHERE ({database:String} = '' OR database = {database:String}) AND ({suite:String} = '' OR suite = {suite:String})
        UNION ALL
        SELECT 'findings', cityHash64(database, suite, finding_id, change_id, seq, machine_id, metric, test_id, order_id, previous_order_id, direction, kind, before, after, spread, effect, effect_low, effect_high, cause, nth, statistic, p_value, detector, detector_version, detector_params, data_seq, found_at)
        FROM v_findings
        WHERE ({database:String} = '' OR database = {database:String}) AND ({suite:String} = '' OR suite = {suite:String})
        UNION ALL
        SELECT 'regressions', cityHash64(database, suite, regression_id, seq, title, bug, state, change_ids, changed_at, uuid, opened_seq, detector, kind, cause, owner, tags, note, start_order_id, end_order_id, merged_into, touched, titled, actor)
        FROM v_regressions
        WHERE ({database:String} = '' OR database = {database:String}) AND ({suite:String} = '' OR suite = {suite:String})
        UNION ALL
        SELECT 'shadow_findings', cityHash64(database, suite, finding_id, change_id, seq, machine_id, metric, test_id, order_id, previous_order_id, direction, kind, before, after, effect, detector, detector_params, data_seq, found_at)
        FROM v_shadow_findings
        WHERE ({database:String} = '' OR database = {database:String}) AND ({suite:String} = '' OR suite = {suite:String})
        UNION ALL
        SELECT 'records', cityHash64(database, suite, kind, key, seq, event_id, changed_at, actor, body, deleted)
        FROM v_record_history
        WHERE ({database:String} = '' OR database = {database:String}) AND ({suite:String} = '' OR suite = {suite:String})
        UNION ALL
        SELECT 'ledger', cityHash64(database, suite, seq, event_id, event_type, event_version, topic, partition, offset, received_at, actor, request_id, content_type, toString(params), body, body_digest, status, code, error, message, field, duplicate_of, run_id, load_id, machine_id, order_id)
        FROM v_ledger
        WHERE ({database:String} = '' OR database = {database:String}) AND ({suite:String} = '' OR suite = {suite:String})
    )
SELECT name, count() AS rows, sum(digest) AS digest
FROM digests
GROUP BY name
ORDER BY name
