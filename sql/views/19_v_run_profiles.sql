-- name: v_run_profiles
-- purpose: the sample rows of a run that have a profile, with the counters of its whole program; its bytes are in the event's body. Filter as in v_run_samples.
CREATE OR REPLACE VIEW v_run_profiles AS
SELECT
    database,
    suite,
    seq,
    run_id,
    load_id,
    toUInt64(first_sample_id + r) AS sample_id,
    r AS row,
    test_id,
    counters
FROM ledger FINAL
ARRAY JOIN
    profile_row AS r,
    profile_test_id AS test_id,
    profile_counters AS counters
