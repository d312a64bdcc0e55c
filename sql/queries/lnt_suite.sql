-- name: lnt_suite
-- purpose: the schema of one suite, if an event has named it.
-- params: database String, suite String
SELECT schema
FROM v_suites
WHERE database = {database:String} AND suite = {suite:String}
