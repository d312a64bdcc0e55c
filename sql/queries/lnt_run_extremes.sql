-- name: lnt_run_extremes
-- purpose: the least and the greatest value of each test and metric of a run, of all types; those of Status and Hash metrics are texts.
-- params: database String, suite String, seq UInt64
SELECT test_id, metric, min(value) AS least, max(value) AS greatest, '' AS first_text, '' AS last_text
FROM v_run_samples
WHERE database = {database:String} AND suite = {suite:String} AND seq = {seq:UInt64}
GROUP BY test_id, metric
UNION ALL
SELECT test_id, metric, toFloat64(0) AS least, toFloat64(0) AS greatest, min(value) AS first_text, max(value) AS last_text
FROM v_run_texts
WHERE database = {database:String} AND suite = {suite:String} AND seq = {seq:UInt64}
GROUP BY test_id, metric
