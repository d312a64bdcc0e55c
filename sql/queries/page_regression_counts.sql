-- name: page_regression_counts
-- purpose: how many regressions a suite has in each state.
-- params: database String, suite String
SELECT state, count() AS regression_count
FROM v_regressions
WHERE database = {database:String} AND suite = {suite:String}
GROUP BY state
ORDER BY state
SETTINGS max_threads = 1
