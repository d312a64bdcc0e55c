-- name: state_tests
-- purpose: the tests of one suite.
-- params: database String, suite String
SELECT test_id, name
FROM v_ledger_tests
WHERE database = {database:String} AND suite = {suite:String}
ORDER BY test_id
