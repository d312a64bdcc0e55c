-- name: state_records
-- purpose: the rules, subscriptions, deliveries and signals of one suite that were not removed; of a delivery its status and attempt alone.
-- params: database String, suite String
SELECT
    kind,
    key,
    last_seq,
    if(kind = 'delivery', '', r.body) AS body,
    if(kind = 'delivery', JSONExtractString(r.body, 'status'), '') AS status,
    toUInt16(if(kind = 'delivery', JSONExtractUInt(r.body, 'attempt'), 0)) AS attempt
FROM v_ledger_records AS r
WHERE database = {database:String} AND suite = {suite:String} AND deleted = 0
ORDER BY kind, key
