-- name: page_load_at
-- purpose: the newest load up to a position, 0 for none: later ones have larger numbers.
-- params: database String, suite String, as_of UInt64
SELECT max(load_id) AS load_id
FROM v_ledger
WHERE database = {database:String} AND suite = {suite:String} AND seq <= {as_of:UInt64}
