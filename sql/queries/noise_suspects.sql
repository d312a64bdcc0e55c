-- name: noise_suspects
-- purpose: the findings of a machine that stand between two orders at which the test's code hash is the same: whatever moved there, the code did not.
-- params: database String, suite String, machine_id UInt32, hash_metric String, metric String
WITH
-- a change point of the machine
found AS
(
    SELECT finding_id, metric, test_id, order_id, previous_order_id, detector, effect
    FROM v_change_points
    WHERE database = {database:String}
        AND suite = {suite:String}
        AND machine_id = {machine_id:UInt32}
        AND ({metric:String} = '' OR metric = {metric:String})
),
-- the code hash of a test at one order; empty when there are several
hashes AS
(
    SELECT test_id, order_id, if(uniqExact(value) = 1, any(value), '') AS hash
    FROM v_sample_texts
    WHERE database = {database:String}
        AND suite = {suite:String}
        AND machine_id = {machine_id:UInt32}
        AND metric = {hash_metric:String}
        AND test_id IN (SELECT test_id FROM found)
        AND order_id IN (SELECT arrayJoin([order_id, previous_order_id]) FROM found)
    GROUP BY test_id, order_id
    HAVING hash != ''
)
SELECT
    f.finding_id AS finding_id,
    f.metric AS metric,
    f.test_id AS test_id,
    t.name AS test,
    o.name AS order_name,
    p.name AS previous_order_name,
    f.detector AS detector,
    f.effect AS effect,
    h.hash AS hash
FROM found AS f
INNER JOIN hashes AS h ON h.test_id = f.test_id AND h.order_id = f.order_id
INNER JOIN hashes AS g ON g.test_id = f.test_id AND g.order_id = f.previous_order_id
INNER JOIN
(
    SELECT test_id, name
    FROM v_tests
    WHERE database = {database:String} AND suite = {suite:String}
) AS t ON t.test_id = f.test_id
INNER JOIN
(
    SELECT order_id, name, sort_key
    FROM v_orders
    WHERE database = {database:String} AND suite = {suite:String}
) AS o ON o.order_id = f.order_id
INNER JOIN
(
    SELECT order_id, name
    FROM v_orders
    WHERE database = {database:String} AND suite = {suite:String}
) AS p ON p.order_id = f.previous_order_id
WHERE h.hash = g.hash
ORDER BY metric, test, o.sort_key, finding_id
