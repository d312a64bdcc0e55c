-- name: v_runs
-- purpose: one row per run that counts, with the machine it counts for; a replaced run shows its newest generation.
-- The ids of machines that were merged are looked for first, whatever the suite: there are few or none, and what costs is done for
-- their runs alone.
CREATE OR REPLACE VIEW v_runs AS
WITH
    -- the machine that each merged one is now, by database/suite/id
    (
        SELECT mapFromArrays(groupArray(concat(database, '/', suite, '/', toString(machine_id))), groupArray(merged_into))
        FROM machines FINAL
        WHERE merged_into != 0
    ) AS targets,
    targets[concat(database, '/', suite, '/', toString(runs.machine_id))] AS target
SELECT
    database,
    suite,
    run_id,
    seq,
    load_id,
    if(runs.machine_id IN (SELECT machine_id FROM machines WHERE merged_into != 0) AND target != 0, target, runs.machine_id) AS machine_id,
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
