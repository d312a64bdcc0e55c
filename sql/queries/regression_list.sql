-- name: regression_list
-- purpose: the regressions of a suite, newest first, in some states or, with none, in all.
-- params: database String, suite String, states Array(UInt8), max_items UInt64
SELECT
    regression_id,
    title,
    bug,
    state,
    change_ids,
    changed_at
FROM v_regressions
WHERE database = {database:String}
    AND suite = {suite:String}
    AND (empty({states:Array(UInt8)}) OR has({states:Array(UInt8)}, state))
ORDER BY regression_id DESC
LIMIT {max_items:UInt64}
