-- name: notify_regressions
-- purpose: what the events of a stretch of a suite's log left of regressions, by position.
-- params: database String, suite String, from_seq UInt64, to_seq UInt64
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
    FROM v_regression_history
    WHERE database = {database:String} AND suite = {suite:String} AND seq > {from_seq:UInt64} AND seq <= {to_seq:UInt64}
) AS h
LEFT JOIN v_orders AS s ON s.database = h.database AND s.suite = h.suite AND s.order_id = h.start_order_id
LEFT JOIN v_orders AS e ON e.database = h.database AND e.suite = h.suite AND e.order_id = h.end_order_id
ORDER BY seq, regression_id
