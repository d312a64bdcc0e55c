-- name: state_schema
-- purpose: the schema of one suite as JSON; no row when no event has brought one.
-- params: database String, suite String
SELECT schema
FROM v_ledger_suites
WHERE database = {database:String} AND suite = {suite:String}
