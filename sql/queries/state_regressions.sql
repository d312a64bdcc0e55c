-- name: state_regressions
-- purpose: the regressions of one suite as they are now, deleted ones too.
-- params: database String, suite String
SELECT
    regression_id,
    title,
    bug,
    state,
    change_ids,
    added,
    deleted
FROM v_ledger_regressions
WHERE database = {database:String} AND suite = {suite:String}
ORDER BY regression_id
