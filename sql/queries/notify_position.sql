-- name: notify_position
-- purpose: how far a suite's log is stored, and how far the notifier has come.
-- params: database String, suite String
SELECT
    (
        SELECT max(seq)
        FROM v_ledger
        WHERE database = {database:String} AND suite = {suite:String}
    ) AS stored,
    (
        SELECT max(to_seq)
        FROM v_job_runs
        WHERE job = 'notify' AND database = {database:String} AND suite = {suite:String} AND error = ''
    ) AS told
