-- name: regression_get
-- purpose: one regression; no row when there is none, or it was deleted.
-- params: database String, suite String, regression_id UInt32
SELECT
    regression_id,
    title,
    bug,
    state,
    changed_at
FROM v_regressions
WHERE database = {database:String}
    AND suite = {suite:String}
    AND regression_id = {regression_id:UInt32}
ORDER BY regression_id
