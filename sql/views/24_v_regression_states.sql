-- name: v_regression_states
-- purpose: one row per regression a suite ever had, as it was left, deleted ones too; people want v_regressions.
CREATE OR REPLACE VIEW v_regression_states AS
SELECT
    database, suite, regression_id, seq, title, bug, state, change_ids, added, changed_at, deleted,
    uuid, opened_seq, detector, kind, cause, owner, tags, note, start_order_id, end_order_id, merged_into, touched, titled, actor
FROM regressions FINAL
