-- name: page_chart_findings_as_of
-- purpose: as page_chart_findings, as the suite was at a position: from the ledger alone. Machines are those that count now, and so are regressions.
-- params: database String, suite String, as_of UInt64, machine_ids Array(UInt32), test_ids Array(UInt32), metrics Array(String), limit UInt32
WITH
    -- where merged machines went, whenever that was: one row per machine
    machine AS (
        SELECT machine_id AS own_machine_id, if(merged_into = 0, machine_id, merged_into) AS machine_id
        FROM v_machine_states
        WHERE database = {database:String} AND suite = {suite:String} AND (deleted = 0 OR merged_into != 0)
    ),
    -- a row is a change point as the newest event up to the position left it
    then AS (
        SELECT
            finding_id, change_id, machine_id, metric, test_id, order_id, previous_order_id, direction, kind,
            before, after, effect, detector, at, active, dismissed, shadow
        FROM v_finding_history
        WHERE database = {database:String} AND suite = {suite:String} AND seq <= {as_of:UInt64}
            AND test_id IN {test_ids:Array(UInt32)} AND metric IN {metrics:Array(String)}
        ORDER BY seq DESC
        LIMIT 1 BY finding_id
    ),
    -- one row per change point that stood
    found AS (
        SELECT
            then.finding_id AS finding_id, then.change_id AS change_id, machine.machine_id AS machine_id, then.metric AS metric, then.test_id AS test_id,
            then.order_id AS order_id, then.previous_order_id AS previous_order_id, then.direction AS direction, then.kind AS kind,
            then.before AS before, then.after AS after, then.effect AS effect, then.detector AS detector, then.at AS found_at
        FROM then
        INNER JOIN machine ON machine.own_machine_id = then.machine_id
        WHERE then.active = 1 AND then.dismissed = 0 AND then.shadow = 0 AND machine.machine_id IN {machine_ids:Array(UInt32)}
    ),
    -- one row per change point that is part of a regression
    grouped AS (
        SELECT change_id, min(regression_id) AS regression_id
        FROM (
            SELECT regression_id, arrayJoin(change_ids) AS change_id
            FROM v_regressions
            WHERE database = {database:String} AND suite = {suite:String} AND hasAny(change_ids, (SELECT groupArray(change_id) FROM found))
        )
        GROUP BY change_id
    ),
    -- one row per order of a change point
    named AS (
        SELECT order_id, name, sort_key
        FROM v_orders
        WHERE database = {database:String} AND suite = {suite:String}
            AND order_id IN (SELECT arrayJoin([order_id, previous_order_id]) FROM found)
    )
SELECT
    found.finding_id AS finding_id,
    found.change_id AS change_id,
    toUInt32(grouped.regression_id) AS regression_id,
    found.machine_id AS machine_id,
    found.metric AS metric,
    found.test_id AS test_id,
    found.order_id AS order_id,
    o.name AS order_name,
    found.previous_order_id AS previous_order_id,
    p.name AS previous_order_name,
    found.direction AS direction,
    found.kind AS kind,
    found.before AS before,
    found.after AS after,
    found.effect AS effect,
    found.detector AS detector,
    found.found_at AS found_at
FROM found
INNER JOIN named AS o ON o.order_id = found.order_id
LEFT JOIN named AS p ON p.order_id = found.previous_order_id
LEFT JOIN grouped ON grouped.change_id = found.change_id
ORDER BY o.sort_key, found.machine_id, found.test_id, found.metric, found.finding_id
LIMIT {limit:UInt32}
