-- name: rest_findings_as_of
-- purpose: as rest_findings, as the suite was at a position: from the ledger alone.
-- params: database String, suite String, as_of UInt64, machine_ids Array(UInt32), test_ids Array(UInt32), metric String, kind String, cause String, detector String, change_ids Array(UInt32), shadow UInt8, below_seq UInt64, below_id UUID, max_items UInt64
WITH
-- a row is a change point as the newest event up to the position left it
then AS
(
    SELECT *
    FROM v_finding_history
    WHERE database = {database:String} AND suite = {suite:String} AND seq <= {as_of:UInt64}
    ORDER BY seq DESC
    LIMIT 1 BY finding_id
),
-- where merged machines went, whenever that was: names are those of now
now AS
(
    SELECT own.machine_id AS own_machine_id, m.machine_id AS machine_id, m.name AS name
    FROM v_machine_states AS own
    INNER JOIN v_machines AS m ON m.machine_id = if(own.merged_into = 0, own.machine_id, own.merged_into)
    WHERE own.database = {database:String} AND own.suite = {suite:String} AND m.database = {database:String} AND m.suite = {suite:String}
)
SELECT
    f.finding_id AS finding_id, f.change_id AS change_id, f.seq AS seq, m.machine_id AS machine_id, m.name AS machine,
    f.test_id AS test_id, t.name AS test, f.metric AS metric, f.order_id AS order_id, o.name AS order_name,
    f.previous_order_id AS previous_order_id, p.name AS previous_order_name, f.direction AS direction, f.kind AS kind,
    f.before AS before, f.after AS after, f.spread AS spread, f.effect AS effect, f.effect_low AS effect_low, f.effect_high AS effect_high,
    f.cause AS cause, f.statistic AS statistic, f.p_value AS p_value, f.detector AS detector, f.detector_version AS detector_version,
    f.detector_params AS detector_params, f.data_seq AS data_seq, f.at AS found_at
FROM then AS f
INNER JOIN now AS m ON m.own_machine_id = f.machine_id
INNER JOIN v_tests AS t ON t.database = f.database AND t.suite = f.suite AND t.test_id = f.test_id
INNER JOIN v_orders AS o ON o.database = f.database AND o.suite = f.suite AND o.order_id = f.order_id
LEFT JOIN v_orders AS p ON p.database = f.database AND p.suite = f.suite AND p.order_id = f.previous_order_id
WHERE f.active = 1 AND f.dismissed = 0 AND f.shadow = {shadow:UInt8}
    AND (empty({machine_ids:Array(UInt32)}) OR m.machine_id IN {machine_ids:Array(UInt32)})
    AND (empty({test_ids:Array(UInt32)}) OR f.test_id IN {test_ids:Array(UInt32)})
    AND ({metric:String} = '' OR f.metric = {metric:String})
    AND ({kind:String} = '' OR f.kind = {kind:String})
    AND ({cause:String} = '' OR f.cause = if({cause:String} = 'code', '', {cause:String}))
    AND ({detector:String} = '' OR f.detector = {detector:String})
    AND (empty({change_ids:Array(UInt32)}) OR f.change_id IN {change_ids:Array(UInt32)})
    AND (f.seq, f.finding_id) < ({below_seq:UInt64}, {below_id:UUID})
ORDER BY f.seq DESC, f.finding_id DESC
LIMIT {max_items:UInt64}
