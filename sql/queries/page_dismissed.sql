-- name: page_dismissed
-- purpose: findings of a suite that people dismissed and that would stand otherwise, the newest decision first.
-- params: database String, suite String, limit UInt32, offset UInt32
SELECT
    f.database AS database,
    f.suite AS suite,
    f.finding_id AS finding_id,
    f.machine_id AS machine_id,
    m.name AS machine,
    f.metric AS metric,
    f.test_id AS test_id,
    t.name AS test,
    f.order_id AS order_id,
    o.name AS order_name,
    f.previous_order_id AS previous_order_id,
    p.name AS previous_order_name,
    f.direction AS direction,
    f.kind AS kind,
    f.before AS before,
    f.after AS after,
    f.spread AS spread,
    f.effect AS effect,
    f.statistic AS statistic,
    f.p_value AS p_value,
    f.detector AS detector,
    f.found_at AS found_at,
    f.total_count AS total_count,
    f.note AS note
FROM
(
    SELECT *, count() OVER () AS total_count
    FROM v_finding_states
    WHERE database = {database:String} AND suite = {suite:String} AND dismissed = 1 AND active = 1 AND shadow = 0
    ORDER BY dismissed_seq DESC, finding_id
    LIMIT {limit:UInt32}
    OFFSET {offset:UInt32}
) AS f
INNER JOIN (SELECT machine_id, name FROM v_machines WHERE database = {database:String} AND suite = {suite:String}) AS m ON m.machine_id = f.machine_id
INNER JOIN (SELECT test_id, name FROM v_tests WHERE database = {database:String} AND suite = {suite:String}) AS t ON t.test_id = f.test_id
INNER JOIN (SELECT order_id, name FROM v_orders WHERE database = {database:String} AND suite = {suite:String}) AS o ON o.order_id = f.order_id
LEFT JOIN (SELECT order_id, name FROM v_orders WHERE database = {database:String} AND suite = {suite:String}) AS p ON p.order_id = f.previous_order_id
ORDER BY f.dismissed_seq DESC, f.finding_id
