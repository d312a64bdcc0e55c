-- name: v_machine_states
-- purpose: one row per machine a suite ever had, deleted ones too, as it was left; people want v_machines.
CREATE OR REPLACE VIEW v_machine_states AS
SELECT database, suite, machine_id, name, fields, params, deleted, merged_into, seq
FROM machines FINAL
