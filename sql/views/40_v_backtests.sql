-- name: v_backtests
-- purpose: one row per backtest with its state (queued, running, done, failed or cancelled), what was asked and what came of it as JSON.
CREATE OR REPLACE VIEW v_backtests AS
SELECT
    database,
    suite,
    backtest_id,
    any(created_at) AS asked_at,
    anyIf(body, part = 'asked') AS asked,
    anyIf(body, part = 'progress') AS progress,
    max(part = 'cancelled') AS is_cancelled,
    anyIf(version, part = 'progress') AS progress_version,
    multiIf(
        JSONExtractString(progress, 'state') IN ('done', 'failed', 'cancelled'), JSONExtractString(progress, 'state'),
        is_cancelled = 1, 'cancelled',
        progress = '', 'queued',
        'running'
    ) AS state
FROM backtests FINAL
GROUP BY database, suite, backtest_id
HAVING asked != ''
