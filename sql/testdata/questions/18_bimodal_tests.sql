-- question: Which series jump between two levels?
-- Sarle's coefficient of bimodality: above 5/9 a series is more like two hills than one.
SELECT machine, test, metric, count() AS samples, round((pow(skewPop(value), 2) + 1) / nullIf(kurtPop(value), 0), 3) AS bimodality
FROM v_results
WHERE database = {database:String} AND suite = {suite:String} AND failed = 0
GROUP BY machine, test, metric
HAVING samples >= 10
ORDER BY bimodality DESC NULLS LAST, machine, test, metric
LIMIT 20
