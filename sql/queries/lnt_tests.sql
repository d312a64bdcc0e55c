-- name: lnt_tests
-- purpose: all tests of a suite, by id.
-- params: database String, suite String
SELECT test_id, name
FROM v_tests
WHERE database = {database:String} AND suite = {suite:String}
ORDER BY test_id
