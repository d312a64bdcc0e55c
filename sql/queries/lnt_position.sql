-- name: lnt_position
-- purpose: how far the suite's data goes: the position of its last event, 0 without any.
-- params: database String, suite String
SELECT max(seq) AS seq
FROM v_ledger
WHERE database = {database:String} AND suite = {suite:String}
