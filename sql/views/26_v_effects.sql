-- name: v_effects
-- purpose: one row per event with how far its suite's findings and regressions can be read, if it changed any, else 0; filter by database, suite and event_id.
CREATE OR REPLACE VIEW v_effects AS
SELECT
    l.database AS database,
    l.suite AS suite,
    l.event_id AS event_id,
    l.seq AS seq,
    if(empty(l.finding_rows), 0, l.seq) AS finding_seq,
    if(empty(l.regression_rows), 0, l.seq) AS regression_seq
FROM ledger AS l
