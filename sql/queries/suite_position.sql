-- name: suite_position
-- purpose: how far the log of a suite goes, 0 without any event; seen grows with what can be read of its data and findings, which may follow a moment later.
-- params: database String, suite String
SELECT max(seq) AS position, max(data_seq + finding_seq) AS seen
FROM v_positions
WHERE database = {database:String} AND suite = {suite:String}
SETTINGS max_threads = 1
