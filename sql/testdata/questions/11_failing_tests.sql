-- question: Which tests fail most often?
SELECT machine, test, countIf(failed = 1) AS failures, count() AS samples
FROM v_results
WHERE database = {database:String} AND suite = {suite:String}
GROUP BY machine, test
ORDER BY failures DESC, machine, test
LIMIT 20
