-- name: v_regressions
-- purpose: one row per regression that was not deleted, as it was left.
CREATE OR REPLACE VIEW v_regressions AS
SELECT
    database, suite, regression_id, seq, title, bug, state, change_ids, added, changed_at,
    uuid, opened_seq, detector, kind, cause, owner, tags, note, start_order_id, end_order_id, merged_into, touched, titled, actor
FROM regressions FINAL
WHERE deleted = 0
