-- question: How does the newest order of each machine compare with the one before it?
WITH
    ranked AS (
        SELECT machine, test, sort_key, median(value) AS level, dense_rank() OVER (PARTITION BY machine ORDER BY sort_key DESC) AS place
        FROM v_results
        WHERE database = {database:String} AND suite = {suite:String} AND metric = {metric:String} AND failed = 0
        GROUP BY machine, test, sort_key
    )
SELECT machine, count() AS tests, exp(avg(log(new / old))) AS ratio, countIf(new > 1.02 * old) AS up, countIf(new < 0.98 * old) AS down
FROM (
    SELECT machine, test, anyIf(level, place = 1) AS new, anyIf(level, place = 2) AS old
    FROM ranked
    WHERE place <= 2
    GROUP BY machine, test
    HAVING count() = 2 AND old > 0 AND new > 0
)
GROUP BY machine
ORDER BY machine
