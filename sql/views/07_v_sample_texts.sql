-- name: v_sample_texts
-- purpose: one row per value of a Status ('0' pass, '1' fail, '2' expected fail) or Hash metric that counts.
-- Two reads: machines that were not merged, by the index; and those with the id of one that was, in whatever suite, which show the
-- machine they are now. When none was merged, the second reads nothing.
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
    AND machine_id NOT IN (SELECT machine_id FROM machines WHERE merged_into != 0)
UNION ALL
WITH
    -- the machine that each merged one is now, by database/suite/id
    (
        SELECT mapFromArrays(groupArray(concat(database, '/', suite, '/', toString(machine_id))), groupArray(merged_into))
        FROM machines FINAL
        WHERE merged_into != 0
    ) AS targets,
    targets[concat(database, '/', suite, '/', toString(sample_texts.machine_id))] AS target
SELECT
    database,
    suite,
    if(target != 0, target, sample_texts.machine_id) AS machine_id,
    metric,
    test_id,
    order_id,
    run_id,
    load_id,
    row,
    value
FROM sample_texts FINAL
WHERE (database, suite, load_id) NOT IN (SELECT database, suite, load_id FROM superseded)
    AND sample_texts.machine_id IN (SELECT machine_id FROM machines WHERE merged_into != 0)
