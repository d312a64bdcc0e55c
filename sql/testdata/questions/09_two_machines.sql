-- question: On which tests do two machines differ most?
WITH levels AS (
    SELECT test, machine, median(value) AS level
    FROM v_results
    WHERE database = {database:String} AND suite = {suite:String} AND metric = {metric:String} AND machine IN ({machine:String}, {other:String}) AND failed = 0
    GROUP BY test, machine
)
SELECT test, anyIf(level, machine = {machine:String}) AS one, anyIf(level, machine = {other:String}) AS two, round(two / nullIf(one, 0), 4) AS ratio
FROM levels
GROUP BY test
HAVING count() = 2
ORDER BY abs(log(ratio)) DESC NULLS LAST, test
LIMIT 50
