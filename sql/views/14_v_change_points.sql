-- name: v_change_points
-- purpose: one row per change point that stands, in its newest form, with ids only. own_machine_id is the machine it was found on, which is part of its identity; machine_id is the one that its runs count for. Those of deleted machines do not stand.
CREATE OR REPLACE VIEW v_change_points AS
WITH
    -- the machine that each merged one is now, by database/suite/id
    (
        SELECT mapFromArrays(groupArray(concat(database, '/', suite, '/', toString(machine_id))), groupArray(merged_into))
        FROM machines FINAL
        WHERE merged_into != 0
    ) AS targets,
    targets[concat(database, '/', suite, '/', toString(findings.machine_id))] AS target
SELECT
    database,
    suite,
    finding_id,
    change_id,
    seq,
    if(findings.machine_id IN (SELECT machine_id FROM machines WHERE merged_into != 0) AND target != 0, target, findings.machine_id) AS machine_id,
    findings.machine_id AS own_machine_id,
    metric,
    test_id,
    order_id,
    previous_order_id,
    direction,
    kind,
    before,
    after,
    spread,
    effect,
    effect_low,
    effect_high,
    cause,
    nth,
    statistic,
    p_value,
    detector,
    detector_version,
    detector_params,
    data_seq,
    found_at
FROM findings FINAL
WHERE active = 1
    AND dismissed = 0
    AND shadow = 0
    AND (database, suite, machine_id) NOT IN (SELECT database, suite, machine_id FROM machines FINAL WHERE deleted = 1 AND merged_into = 0)
