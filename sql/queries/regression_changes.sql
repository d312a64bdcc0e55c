-- name: regression_changes
-- purpose: the changes of one regression in the order in which they were added, with names and the last run at the order where each shows.
-- params: database String, suite String, regression_id UInt32
WITH
-- a row is an indicator
indicators AS
(
    SELECT indicator_id, change_id
    FROM v_regressions
    ARRAY JOIN added AS indicator_id, change_ids AS change_id
    WHERE database = {database:String}
        AND suite = {suite:String}
        AND regression_id = {regression_id:UInt32}
),
-- its change with names
changes AS
(
    SELECT
        change_id,
        machine_id,
        machine,
        test_id,
        test,
        metric,
        previous_order_id,
        previous_order_name,
        order_id,
        order_name,
        before,
        after,
        kind,
        direction,
        found_at
    FROM v_findings
    WHERE database = {database:String}
        AND suite = {suite:String}
        AND change_id IN (SELECT change_id FROM indicators)
),
-- the last run at each place where a change shows
last_runs AS
(
    SELECT machine_id, order_id, max(run_id) AS run_id
    FROM v_runs
    WHERE database = {database:String}
        AND suite = {suite:String}
        AND (machine_id, order_id) IN (SELECT machine_id, order_id FROM changes)
    GROUP BY machine_id, order_id
)
SELECT
    i.indicator_id AS indicator_id,
    c.change_id AS change_id,
    c.machine_id AS machine_id,
    c.machine AS machine,
    c.test_id AS test_id,
    c.test AS test,
    c.metric AS metric,
    c.previous_order_id AS previous_order_id,
    c.previous_order_name AS previous_order_name,
    c.order_id AS order_id,
    c.order_name AS order_name,
    c.before AS before,
    c.after AS after,
    c.kind AS kind,
    c.direction AS direction,
    c.found_at AS found_at,
    r.run_id AS run_id
FROM indicators AS i
INNER JOIN changes AS c ON c.change_id = i.change_id
LEFT JOIN last_runs AS r ON r.machine_id = c.machine_id AND r.order_id = c.order_id
ORDER BY i.indicator_id
