-- name: v_run_texts
-- purpose: the values of Status and Hash metrics run by run; filter as in v_run_samples.
CREATE OR REPLACE VIEW v_run_texts AS
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
    v AS value
FROM ledger FINAL
ARRAY JOIN
    text_row AS r,
    text_test_id AS test_id,
    text_metric AS metric,
    text_value AS v
