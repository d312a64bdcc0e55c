-- name: state_counters
-- purpose: the last position and serials of one suite; no row when no event of it was stored.
-- params: database String, suite String
SELECT
    last_seq,
    last_load_id,
    last_run_id,
    last_machine_id,
    last_order_id,
    last_test_id,
    last_sample_id
FROM v_suite_counters
WHERE database = {database:String} AND suite = {suite:String}
