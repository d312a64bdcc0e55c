-- question: Which tests are noisiest, from run to run?
-- Spread of the medians of neighbouring orders, relative to their level, in the last 50 orders of each series.
WITH
    points AS (
        SELECT machine, test, metric, sort_key, median(value) AS level
        FROM v_results
        WHERE database = {database:String} AND suite = {suite:String} AND failed = 0
        GROUP BY machine, test, metric, sort_key
    ),
    steps AS (
        SELECT machine, test, metric, level, level - lagInFrame(level, 1, level) OVER w AS step
        FROM points
        WINDOW w AS (PARTITION BY machine, test, metric ORDER BY sort_key ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
    )
SELECT machine, test, metric, round(1.048 * median(abs(step)) / nullIf(abs(median(level)), 0), 5) AS noise, count() AS orders
FROM steps
GROUP BY machine, test, metric
ORDER BY noise DESC NULLS LAST, machine, test, metric
LIMIT 20
