-- name: lnt_test
-- purpose: the test that a spec means: the one of an id, or of a name when the id is 0.
-- params: database String, suite String, test_id UInt32, test String
SELECT test_id, name
FROM v_tests
WHERE database = {database:String}
  AND suite = {suite:String}
  AND if({test_id:UInt32} > 0, test_id = {test_id:UInt32}, name = {test:String})
ORDER BY test_id
