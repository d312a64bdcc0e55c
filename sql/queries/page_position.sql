-- name: page_position
-- purpose: how far the log of a suite goes, 0 without any event.
-- params: database String, suite String
SELECT max(seq) AS position
FROM v_ledger
WHERE database = {database:String} AND suite = {suite:String}
SETTINGS max_threads = 1
