-- name: rest_undo_regressions
-- purpose: the regressions that the event at a position changed, as they were before; seq is 0 where there was none.
-- params: database String, suite String, seq UInt64
WITH
-- a row is a version up to the event
versions AS
(
    SELECT *
    FROM v_regression_history
    WHERE database = {database:String} AND suite = {suite:String} AND seq <= {seq:UInt64}
),
changed AS
(
    SELECT regression_id FROM versions WHERE seq = {seq:UInt64}
),
before AS
(
    SELECT *
    FROM versions
    WHERE seq < {seq:UInt64} AND regression_id IN (SELECT regression_id FROM changed)
    ORDER BY seq DESC
    LIMIT 1 BY regression_id
)
SELECT
    c.regression_id AS regression_id, b.seq AS seq, b.title AS title, b.bug AS bug, b.state AS state, b.change_ids AS change_ids, b.added AS added,
    b.deleted AS deleted, b.uuid AS uuid, b.opened_seq AS opened_seq, b.detector AS detector, b.kind AS kind, b.cause AS cause, b.owner AS owner,
    b.tags AS tags, b.note AS note, b.start_order_id AS start_order_id, b.end_order_id AS end_order_id, b.merged_into AS merged_into,
    b.touched AS touched, b.titled AS titled, b.recovered AS recovered, b.former_state AS former_state
FROM changed AS c
LEFT JOIN before AS b ON b.regression_id = c.regression_id
ORDER BY c.regression_id
