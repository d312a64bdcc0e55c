-- name: state_runs
-- purpose: where each run of one suite that counts stands, by the machine it was submitted for.
-- params: database String, suite String
SELECT run_id, load_id, machine_id, order_id, seq, start_at
FROM v_ledger_runs
WHERE database = {database:String} AND suite = {suite:String}
ORDER BY run_id
