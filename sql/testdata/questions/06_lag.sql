-- question: How long do events wait from being received to being stored?
SELECT toStartOfHour(received_at) AS hour, count() AS events, quantileExact(0.5)(dateDiff('millisecond', received_at, stored_at)) AS median_ms,
    quantileExact(0.99)(dateDiff('millisecond', received_at, stored_at)) AS p99_ms
FROM v_receipts
WHERE database = {database:String} AND suite = {suite:String}
GROUP BY hour
ORDER BY hour DESC
LIMIT 48
