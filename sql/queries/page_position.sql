-- name: page_position
-- purpose: how far the data of a suite goes: the position of its newest event, 0 when there is none.
-- params: database String, suite String
SELECT max(seq) AS position
FROM v_ledger
WHERE database = {database:String} AND suite = {suite:String}
