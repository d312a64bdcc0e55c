-- name: page_regression_rows
-- purpose: some regressions, each one place of three lists, with ids for names; what their change points are is in page_regression_changes.
-- params: databases Array(String), suites Array(String), regression_ids Array(UInt32)
SELECT
    database,
    suite,
    regression_id,
    title,
    bug,
    state,
    kind,
    cause,
    detector,
    owner,
    tags,
    note,
    titled,
    seq,
    changed_at,
    actor,
    start_order_id,
    end_order_id,
    change_ids
FROM v_regressions
WHERE (database, suite, regression_id) IN (
    SELECT arrayJoin(arrayZip({databases:Array(String)}, {suites:Array(String)}, {regression_ids:Array(UInt32)}))
)
ORDER BY database, suite, regression_id
SETTINGS max_threads = 1
