-- name: v_ledger_runs
-- purpose: one row per run that counts, with the machine it was submitted for, from the ledger alone, as v_ledger_machines; filter by database and suite.
CREATE OR REPLACE VIEW v_ledger_runs AS
SELECT
    database,
    suite,
    run_id,
    argMax(load, seq) AS load_id,
    argMax(machine, seq) AS machine_id,
    argMax(place, seq) AS order_id
FROM
(
    SELECT database, suite, run_id, seq, load_id AS load, machine_id AS machine, order_id AS place, 0 AS gone
    FROM ledger
    WHERE run_id > 0
    UNION ALL
    SELECT database, suite, id AS run_id, seq, 0, 0, 0, 1
    FROM ledger
    ARRAY JOIN deleted_run_id AS id
)
GROUP BY database, suite, run_id
HAVING argMax(gone, seq) = 0
