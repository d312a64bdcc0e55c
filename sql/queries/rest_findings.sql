-- name: rest_findings
-- purpose: the change points of a suite that stand, or with shadow those that are only looked at, newest first, from below a position and id; an empty filter lets all pass.
-- params: database String, suite String, machine_ids Array(UInt32), test_ids Array(UInt32), metric String, kind String, cause String, detector String, change_ids Array(UInt32), shadow UInt8, below_seq UInt64, below_id UUID, max_items UInt64
WITH
-- a row is a change point of the one sort or of the other
both AS
(
    SELECT
        0 AS in_shadow, database, suite, finding_id, change_id, seq, machine_id, machine, test_id, test, metric, order_id, order_name,
        previous_order_id, previous_order_name, direction, kind, before, after, spread, effect, effect_low, effect_high, cause,
        statistic, p_value, detector, detector_version, detector_params, data_seq, found_at
    FROM v_findings
    WHERE {shadow:UInt8} = 0 AND database = {database:String} AND suite = {suite:String}
    UNION ALL
    SELECT
        1 AS in_shadow, database, suite, finding_id, change_id, seq, machine_id, machine, test_id, test, metric, order_id, order_name,
        previous_order_id, previous_order_name, direction, kind, before, after, spread, effect, effect_low, effect_high, cause,
        statistic, p_value, detector, detector_version, detector_params, data_seq, found_at
    FROM v_shadow_findings
    WHERE {shadow:UInt8} = 1 AND database = {database:String} AND suite = {suite:String}
)
SELECT
    finding_id, change_id, seq, machine_id, machine, test_id, test, metric, order_id, order_name,
    previous_order_id, previous_order_name, direction, kind, before, after, spread, effect, effect_low, effect_high, cause,
    statistic, p_value, detector, detector_version, detector_params, data_seq, found_at
FROM both
WHERE (empty({machine_ids:Array(UInt32)}) OR machine_id IN {machine_ids:Array(UInt32)})
    AND (empty({test_ids:Array(UInt32)}) OR test_id IN {test_ids:Array(UInt32)})
    AND ({metric:String} = '' OR metric = {metric:String})
    AND ({kind:String} = '' OR kind = {kind:String})
    AND ({cause:String} = '' OR cause = if({cause:String} = 'code', '', {cause:String}))
    AND ({detector:String} = '' OR detector = {detector:String})
    AND (empty({change_ids:Array(UInt32)}) OR change_id IN {change_ids:Array(UInt32)})
    AND (seq, finding_id) < ({below_seq:UInt64}, {below_id:UUID})
ORDER BY seq DESC, finding_id DESC
LIMIT {max_items:UInt64}
