-- name: v_ledger_runs
-- purpose: one row per run that counts, with the machine it was submitted for, from the ledger alone, as v_ledger_machines; filter by database and suite.
-- Whatever takes a run away, its own replacement too, names its load.
CREATE OR REPLACE VIEW v_ledger_runs AS
SELECT database, suite, run_id, load_id, machine_id, order_id, seq, start_at
FROM ledger FINAL
WHERE run_id > 0
    AND (database, suite, load_id) NOT IN
    (
        SELECT database, suite, gone
        FROM ledger
        ARRAY JOIN superseded_load_id AS gone
    )
