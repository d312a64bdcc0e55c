-- question: How did one test do on one machine?
SELECT order_name, count() AS samples, min(value) AS lowest, median(value) AS middle, max(value) AS highest
FROM v_results
WHERE database = {database:String} AND suite = {suite:String} AND machine = {machine:String} AND test = {test:String} AND metric = {metric:String} AND failed = 0
GROUP BY order_name, sort_key
ORDER BY sort_key
