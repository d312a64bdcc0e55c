-- name: page_chart_findings
-- purpose: the change points that stand on some series, with the machines that they were found on; machines, tests and metrics are lists, of which the reader takes the combinations it wants.
-- params: database String, suite String, own_machine_ids Array(UInt32), test_ids Array(UInt32), metrics Array(String), limit UInt32
SELECT
    finding_id, change_id, machine_id, metric, test_id, order_id, previous_order_id, direction, kind,
    before, after, effect, detector, found_at
FROM v_finding_states
WHERE database = {database:String} AND suite = {suite:String}
    AND machine_id IN {own_machine_ids:Array(UInt32)} AND test_id IN {test_ids:Array(UInt32)} AND metric IN {metrics:Array(String)}
    AND active = 1 AND dismissed = 0 AND shadow = 0
ORDER BY machine_id, test_id, metric, change_id
LIMIT {limit:UInt32}
SETTINGS max_threads = 1
