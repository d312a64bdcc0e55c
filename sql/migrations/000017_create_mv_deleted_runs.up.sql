-- A deleted run leaves a row that says so: newer than the run by its seq. A retracted or replaced one says where it stood, too.
CREATE MATERIALIZED VIEW IF NOT EXISTS mv_deleted_runs TO runs AS
SELECT
    database,
    suite,
    gone AS run_id,
    seq,
    machine_id,
    order_id,
    1 AS deleted
FROM ledger_changes
ARRAY JOIN deleted_run_id AS gone
