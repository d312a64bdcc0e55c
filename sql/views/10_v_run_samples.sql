-- name: v_run_samples
-- purpose: the values of Real metrics run by run: filter by database, suite and seq (the position of the run's event), which is a single read whatever the history.
CREATE OR REPLACE VIEW v_run_samples AS
SELECT
    database,
    suite,
    seq,
    run_id,
    load_id,
    if(
        ledger.machine_id IN (SELECT machine_id FROM machines WHERE merged_into != 0)
            AND (
                -- the machine that a merged one is now; 0 for one that is not
                (
                    SELECT mapFromArrays(groupArray(concat(database, '/', suite, '/', toString(machine_id))), groupArray(merged_into))
                    FROM machines FINAL
                    WHERE merged_into != 0
                )[concat(database, '/', suite, '/', toString(ledger.machine_id))] AS target
            ) != 0,
        target,
        ledger.machine_id
    ) AS machine_id,
    order_id,
    first_sample_id,
    r AS row,
    test_id,
    metric,
    v AS value,
    f AS failed
FROM ledger FINAL
ARRAY JOIN
    sample_row AS r,
    sample_test_id AS test_id,
    sample_metric AS metric,
    sample_value AS v,
    sample_failed AS f
