-- name: rest_regression_history
-- purpose: what became of one regression, event by event, oldest first.
-- params: database String, suite String, regression_id UInt32, max_items UInt64
SELECT
    h.seq AS seq, h.event_id AS event_id, h.event_type AS event_type, h.at AS at, h.actor AS actor, h.note AS note,
    h.title AS title, h.bug AS bug, h.state AS state, h.owner AS owner, h.tags AS tags, h.kind AS kind, h.cause AS cause,
    h.start_order_id AS start_order_id, a.name AS start_order, h.end_order_id AS end_order_id, z.name AS end_order,
    h.change_ids AS change_ids, h.deleted AS deleted, h.merged_into AS merged_into
FROM v_regression_history AS h
LEFT JOIN v_orders AS a ON a.database = h.database AND a.suite = h.suite AND a.order_id = h.start_order_id
LEFT JOIN v_orders AS z ON z.database = h.database AND z.suite = h.suite AND z.order_id = h.end_order_id
WHERE h.database = {database:String}
    AND h.suite = {suite:String}
    AND h.regression_id = {regression_id:UInt32}
ORDER BY h.seq
LIMIT {max_items:UInt64}
