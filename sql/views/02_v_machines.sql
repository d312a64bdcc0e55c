-- name: v_machines
-- purpose: one row per machine of a suite. Names are not unique: LNT may split a machine.
CREATE OR REPLACE VIEW v_machines AS
SELECT database, suite, machine_id, name, fields, params, seq
FROM machines FINAL
WHERE deleted = 0
