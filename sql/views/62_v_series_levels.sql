-- name: v_series_levels
-- purpose: one row per order of a series with its level (the median of the samples that did not fail), their range and number; filter by database, suite, machine_id, metric and test_id.
CREATE OR REPLACE VIEW v_series_levels AS
SELECT
    database,
    suite,
    machine_id,
    metric,
    test_id,
    order_id,
    quantileExactInclusive(0.5)(value) AS level,
    min(value) AS lowest,
    max(value) AS highest,
    toUInt32(count()) AS samples
FROM v_samples
WHERE failed = 0
GROUP BY database, suite, machine_id, metric, test_id, order_id
