-- name: notify_regressions_before
-- purpose: how regressions were left up to a position: some by number, and those that ever had some findings.
-- params: database String, suite String, from_seq UInt64, regressions Array(UInt32), changes Array(UInt32)
WITH
    -- a row is what an event up to there left of a regression
    earlier AS
    (
        SELECT *
        FROM v_regression_history
        WHERE database = {database:String} AND suite = {suite:String} AND seq <= {from_seq:UInt64}
    )
SELECT
    h.seq AS seq,
    h.event_type AS event_type,
    h.at AS at,
    h.actor AS actor,
    h.regression_id AS regression_id,
    h.uuid AS uuid,
    h.title AS title,
    h.bug AS bug,
    h.state AS state,
    h.kind AS kind,
    h.cause AS cause,
    h.detector AS detector,
    h.owner AS owner,
    h.tags AS tags,
    s.name AS start_order,
    e.name AS end_order,
    h.change_ids AS change_ids,
    h.deleted AS deleted
FROM
(
    SELECT *
    FROM earlier
    WHERE has({regressions:Array(UInt32)}, regression_id)
        OR regression_id IN (SELECT regression_id FROM earlier WHERE hasAny(change_ids, {changes:Array(UInt32)}))
    ORDER BY regression_id, seq DESC
    LIMIT 1 BY regression_id
) AS h
LEFT JOIN v_orders AS s ON s.database = h.database AND s.suite = h.suite AND s.order_id = h.start_order_id
LEFT JOIN v_orders AS e ON e.database = h.database AND e.suite = h.suite AND e.order_id = h.end_order_id
ORDER BY regression_id
