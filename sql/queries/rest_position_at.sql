-- name: rest_position_at
-- purpose: the position of the newest event that had been received at a time; 0 for none.
-- params: database String, suite String, at DateTime64(3)
SELECT max(seq) AS seq
FROM v_ledger
WHERE database = {database:String} AND suite = {suite:String} AND received_at <= {at:DateTime64(3)}
