-- name: state_machines
-- purpose: the machines of one suite as they are now, deleted ones too.
-- params: database String, suite String
SELECT machine_id, name, fields, params, deleted, merged_into
FROM v_ledger_machines
WHERE database = {database:String} AND suite = {suite:String}
ORDER BY machine_id
