-- name: page_regression_changes
-- purpose: change points by their numbers, in each of some suites, as they stand, on the machines that they were found on; the reader leaves out those of machines that are gone.
-- params: databases Array(String), suites Array(String), change_ids Array(UInt32)
SELECT
    database,
    suite,
    change_id,
    machine_id AS own_machine_id,
    metric,
    test_id,
    order_id,
    before,
    after,
    effect,
    effect_low,
    effect_high,
    p_value
FROM v_finding_states
WHERE database IN {databases:Array(String)} AND suite IN {suites:Array(String)}
    AND change_id IN {change_ids:Array(UInt32)}
    AND active = 1 AND dismissed = 0 AND shadow = 0
ORDER BY database, suite, change_id
SETTINGS max_threads = 1
