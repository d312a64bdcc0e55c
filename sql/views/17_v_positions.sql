-- name: v_positions
-- purpose: how far each suite's log is stored (seq), how far its data can be read (data_seq: the newest event that changed a run, or which machine it counts for) and how far its findings can (finding_seq).
-- One insert fills the ledger and the tables behind it one after the other: a
-- reader that took the ledger's position for the tables' would pass over runs
-- that are about to appear. So a position counts once every table has it. A
-- batch's part in each table is whole or not there, and batches come in order.
CREATE OR REPLACE VIEW v_positions AS
WITH
    greatest(l.last_run_seq, l.last_merge_seq) AS newest_seq
SELECT
    l.database AS database,
    l.suite AS suite,
    l.last_seq AS seq,
    if(
        o.last_order_id >= r.last_order_id,
        least(if(r.last_seq < l.last_run_seq, r.last_seq, newest_seq), if(m.last_seq < l.last_merge_seq, m.last_seq, newest_seq)),
        0
    ) AS data_seq,
    f.last_seq AS finding_seq
FROM
(
    SELECT
        database,
        suite,
        max(seq) AS last_seq,
        maxIf(seq, run_id > 0 OR notEmpty(deleted_run_id)) AS last_run_seq,
        maxIf(seq, notEmpty(machine_row_merged_into) AND arrayMax(machine_row_merged_into) > 0) AS last_merge_seq
    FROM ledger
    GROUP BY database, suite
) AS l
LEFT JOIN
(
    SELECT database, suite, max(seq) AS last_seq, max(order_id) AS last_order_id
    FROM runs
    GROUP BY database, suite
) AS r ON r.database = l.database AND r.suite = l.suite
LEFT JOIN
(
    SELECT database, suite, max(seq) AS last_seq
    FROM machines
    WHERE merged_into != 0
    GROUP BY database, suite
) AS m ON m.database = l.database AND m.suite = l.suite
LEFT JOIN
(
    SELECT database, suite, max(order_id) AS last_order_id
    FROM orders
    GROUP BY database, suite
) AS o ON o.database = l.database AND o.suite = l.suite
LEFT JOIN
(
    SELECT database, suite, max(seq) AS last_seq
    FROM findings
    GROUP BY database, suite
) AS f ON f.database = l.database AND f.suite = l.suite
