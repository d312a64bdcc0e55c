-- name: page_chart_regressions
-- purpose: the regressions that some change points belong to.
-- params: database String, suite String, change_ids Array(UInt32)
SELECT regression_id, arrayIntersect(change_ids, {change_ids:Array(UInt32)}) AS found_ids
FROM v_regressions
WHERE database = {database:String} AND suite = {suite:String} AND hasAny(change_ids, {change_ids:Array(UInt32)})
ORDER BY regression_id
SETTINGS max_threads = 1
