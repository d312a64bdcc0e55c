-- name: record_job_run
-- purpose: one row of the ledger of jobs.
-- params: job String, database String, suite String, slot_at DateTime64(3), started_at DateTime64(3), took_ms Float64, from_seq UInt64, to_seq UInt64, rows UInt64, missed_slots UInt32, error String
INSERT INTO job_runs (job, database, suite, slot_at, started_at, took_ms, from_seq, to_seq, rows, missed_slots, error)
SELECT
    {job:String},
    {database:String},
    {suite:String},
    {slot_at:DateTime64(3)},
    {started_at:DateTime64(3)},
    {took_ms:Float64},
    {from_seq:UInt64},
    {to_seq:UInt64},
    {rows:UInt64},
    {missed_slots:UInt32},
    {error:String}
SETTINGS async_insert = 0
