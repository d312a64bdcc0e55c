CREATE MATERIALIZED VIEW IF NOT EXISTS mv_machines TO machines AS
SELECT
    database,
    suite,
    id AS machine_id,
    seq,
    name,
    JSONExtract(fields_json, 'Map(String, String)') AS fields,
    params,
    deleted,
    merged_into
FROM ledger_changes
ARRAY JOIN
    machine_row_id AS id,
    machine_row_name AS name,
    machine_row_fields AS fields_json,
    machine_row_params AS params,
    machine_row_deleted AS deleted,
    machine_row_merged_into AS merged_into
