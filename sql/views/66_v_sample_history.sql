-- name: v_sample_history
-- purpose: v_samples with the values that no longer count: those as of a position are the generations that came up to it and are not in v_superseded up to it. Filter by database, suite, machine_id, metric and test_id.
-- Two reads, for the reason that v_samples has.
CREATE OR REPLACE VIEW v_sample_history AS
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
WHERE machine_id NOT IN (SELECT machine_id FROM machines WHERE merged_into != 0)
UNION ALL
WITH
    -- the machine that each merged one is now, by database/suite/id
    (
        SELECT mapFromArrays(groupArray(concat(database, '/', suite, '/', toString(machine_id))), groupArray(merged_into))
        FROM machines FINAL
        WHERE merged_into != 0
    ) AS targets,
    targets[concat(database, '/', suite, '/', toString(samples.machine_id))] AS target
SELECT
    database,
    suite,
    if(target != 0, target, samples.machine_id) AS machine_id,
    metric,
    test_id,
    order_id,
    run_id,
    load_id,
    row,
    value,
    failed
FROM samples FINAL
WHERE samples.machine_id IN (SELECT machine_id FROM machines WHERE merged_into != 0)
