-- name: v_backtest_findings
-- purpose: what a backtest found, or lost, beside what stands; filter by database, suite, backtest_id and attempt (the one that its progress names).
CREATE OR REPLACE VIEW v_backtest_findings AS
SELECT
    database,
    suite,
    backtest_id,
    attempt,
    number,
    diff,
    label,
    machine_id,
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
    statistic,
    p_value,
    finding_id,
    change_id,
    finding_order_id,
    moved_orders
FROM backtest_findings FINAL
