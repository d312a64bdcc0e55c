-- name: v_regression_effects
-- purpose: one row per regression with how much it is about. total_effect is the sum of |ln(after / before)| of its change points, or of |effect| where that is no number; largest_effect has its sign.
CREATE OR REPLACE VIEW v_regression_effects AS
SELECT
    database,
    suite,
    regression_id,
    count() AS changes,
    uniqExact(test_id) AS tests,
    uniqExact(machine_id) AS machines,
    uniqExact(metric) AS metrics,
    arraySort(groupUniqArray(metric)) AS metric_names,
    sum(abs(if(before > 0 AND after > 0, log(after / before), effect))) AS total_effect,
    argMax(effect, (abs(effect), effect)) AS largest_effect
FROM v_regression_members
GROUP BY database, suite, regression_id
