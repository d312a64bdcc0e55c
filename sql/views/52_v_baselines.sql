-- name: v_baselines
-- purpose: one row per baseline: an order that people gave a name, to compare with it.
CREATE OR REPLACE VIEW v_baselines AS
SELECT
    r.database AS database,
    r.suite AS suite,
    r.key AS name,
    o.order_id AS order_id,
    o.name AS order_name,
    JSONExtractString(r.body, 'comment') AS comment,
    r.seq AS seq,
    r.event_id AS event_id,
    r.changed_at AS changed_at,
    r.actor AS actor
FROM v_records AS r
INNER JOIN v_orders AS o ON o.database = r.database AND o.suite = r.suite AND o.order_id = toUInt32(JSONExtractUInt(r.body, 'order_id'))
WHERE r.kind = 'baseline'
