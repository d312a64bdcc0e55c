-- question: Which regressions are largest, by their total effect?
SELECT r.regression_id, r.title, r.state, r.owner, e.tests, e.machines, round(e.total_effect, 4) AS total_effect, round(100 * e.largest_effect, 2) AS largest_percent
FROM v_regressions AS r
INNER JOIN v_regression_effects AS e USING (database, suite, regression_id)
WHERE r.database = {database:String} AND r.suite = {suite:String}
ORDER BY e.total_effect DESC, r.regression_id
LIMIT 20
