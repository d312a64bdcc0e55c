-- name: compare_names
-- purpose: names of some tests, by the index.
-- params: database String, suite String, test_ids Array(UInt32)
SELECT test_id, name AS test
FROM v_tests
WHERE database = {database:String} AND suite = {suite:String} AND test_id IN {test_ids:Array(UInt32)}
ORDER BY test_id
SETTINGS max_threads = 1
