-- name: v_ledger_machines
-- purpose: one row per machine a suite ever had, as the newest event of the ledger left it; filter by database and suite.
-- An insert fills the ledger and the tables behind it one after the other. What decides the next event must not know more than the
-- ledger, so it reads these v_ledger_* views: what an insert that was cut off left in a table is not in them.
CREATE OR REPLACE VIEW v_ledger_machines AS
SELECT
    database,
    suite,
    id AS machine_id,
    argMax(name, seq) AS name,
    JSONExtract(argMax(fields_json, seq), 'Map(String, String)') AS fields,
    argMax(params_json, seq) AS params,
    argMax(is_deleted, seq) AS deleted,
    argMax(target, seq) AS merged_into
FROM ledger
ARRAY JOIN
    machine_row_id AS id,
    machine_row_name AS name,
    machine_row_fields AS fields_json,
    machine_row_params AS params_json,
    machine_row_deleted AS is_deleted,
    machine_row_merged_into AS target
GROUP BY database, suite, machine_id
