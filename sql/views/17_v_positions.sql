-- name: v_positions
-- purpose: how far each suite's log is stored (seq), how far its data can be read (data_seq: the newest event that changed a run, or which machine it counts for) and how far its findings can (finding_seq).
-- One insert fills the ledger and the tables behind it one after the other: a
-- reader that took the ledger's position for the tables' would pass over runs
-- that are about to appear. So a position counts once every table has it. A
-- batch's part in each table is whole or not there, and batches come in order.
CREATE OR REPLACE VIEW v_positions AS
SELECT
    database,
    suite,
    log_seq AS seq,
    if(
        last_order >= run_order,
        least(
            if(run_seq < log_run_seq, run_seq, greatest(log_run_seq, log_merge_seq)),
            if(merge_seq < log_merge_seq, merge_seq, greatest(log_run_seq, log_merge_seq))
        ),
        0
    ) AS data_seq,
    found_seq AS finding_seq
FROM
(
    SELECT
        database,
        suite,
        max(stored.log_seq) AS log_seq,
        max(stored.log_run_seq) AS log_run_seq,
        max(stored.log_merge_seq) AS log_merge_seq,
        max(stored.run_seq) AS run_seq,
        max(stored.run_order) AS run_order,
        max(stored.merge_seq) AS merge_seq,
        max(stored.last_order) AS last_order,
        max(stored.found_seq) AS found_seq
    FROM
    (
        SELECT
            database,
            suite,
            seq AS log_seq,
            if(run_id > 0 OR notEmpty(deleted_run_id), seq, 0) AS log_run_seq,
            if(notEmpty(machine_row_merged_into) AND arrayMax(machine_row_merged_into) > 0, seq, 0) AS log_merge_seq,
            toUInt64(0) AS run_seq,
            toUInt32(0) AS run_order,
            toUInt64(0) AS merge_seq,
            toUInt32(0) AS last_order,
            toUInt64(0) AS found_seq
        FROM ledger
        UNION ALL
        SELECT database, suite, 0, 0, 0, seq, order_id, 0, 0, 0
        FROM runs
        UNION ALL
        SELECT database, suite, 0, 0, 0, 0, 0, seq, 0, 0
        FROM machines
        WHERE merged_into != 0
        UNION ALL
        SELECT database, suite, 0, 0, 0, 0, 0, 0, order_id, 0
        FROM orders
        UNION ALL
        SELECT database, suite, 0, 0, 0, 0, 0, 0, 0, seq
        FROM findings
    ) AS stored
    GROUP BY database, suite
)
WHERE log_seq > 0
