-- name: page_search_findings
-- purpose: how many change points stand for some tests of one suite.
-- params: database String, suite String, test_ids Array(UInt32)
SELECT test_id, count() AS finding_count
FROM v_change_points
WHERE database = {database:String} AND suite = {suite:String} AND has({test_ids:Array(UInt32)}, test_id)
GROUP BY test_id
ORDER BY test_id
SETTINGS max_threads = 1
