-- name: backtest_position
-- purpose: how far the data of a suite can be read, and its metrics as JSON; no row for a suite without data.
-- params: database String, suite String
SELECT p.data_seq AS data_seq, JSONExtractRaw(s.schema, 'metrics') AS metrics
FROM v_positions AS p
INNER JOIN v_suites AS s ON s.database = p.database AND s.suite = p.suite
WHERE p.database = {database:String} AND p.suite = {suite:String} AND p.data_seq > 0
