-- name: finding_list
-- purpose: the change points of a suite that stand, newest first, from below a position and id; an empty filter lets all pass.
-- params: database String, suite String, machine_ids Array(UInt32), test_ids Array(UInt32), metric String, kind String, below_seq UInt64, below_id UUID, max_items UInt64
SELECT
    finding_id,
    seq,
    machine_id,
    machine,
    test_id,
    test,
    metric,
    order_id,
    order_name,
    previous_order_id,
    previous_order_name,
    direction,
    kind,
    before,
    after,
    spread,
    effect,
    statistic,
    p_value,
    detector,
    detector_version,
    detector_params,
    data_seq,
    found_at
FROM v_findings
WHERE database = {database:String}
  AND suite = {suite:String}
  AND (empty({machine_ids:Array(UInt32)}) OR machine_id IN {machine_ids:Array(UInt32)})
  AND (empty({test_ids:Array(UInt32)}) OR test_id IN {test_ids:Array(UInt32)})
  AND ({metric:String} = '' OR metric = {metric:String})
  AND ({kind:String} = '' OR kind = {kind:String})
  AND (seq, finding_id) < ({below_seq:UInt64}, {below_id:UUID})
ORDER BY seq DESC, finding_id DESC
LIMIT {max_items:UInt64}
