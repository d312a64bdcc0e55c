-- name: page_chart_findings_as_of
-- purpose: as page_chart_findings, as the suite was at a position: from the ledger alone. Machines are those that count now.
-- params: database String, suite String, as_of UInt64, machine_ids Array(UInt32), test_ids Array(UInt32), metrics Array(String), limit UInt32
WITH
    -- where merged machines went, whenever that was: one row per machine
    machine AS (
        SELECT machine_id AS own_machine_id, if(merged_into = 0, machine_id, merged_into) AS now_machine_id
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
    )
SELECT
    then.finding_id AS finding_id, then.change_id AS change_id, machine.now_machine_id AS machine_id, then.metric AS metric, then.test_id AS test_id,
    then.order_id AS order_id, then.previous_order_id AS previous_order_id, then.direction AS direction, then.kind AS kind,
    then.before AS before, then.after AS after, then.effect AS effect, then.detector AS detector, then.at AS found_at
FROM then
INNER JOIN machine ON machine.own_machine_id = then.machine_id
WHERE then.active = 1 AND then.dismissed = 0 AND then.shadow = 0 AND machine.now_machine_id IN {machine_ids:Array(UInt32)}
ORDER BY machine_id, test_id, metric, change_id
LIMIT {limit:UInt32}
