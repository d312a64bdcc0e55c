-- name: rest_rules
-- purpose: the rules of detectors in the order in which they were set, the one that counts last; with history every event that set or removed one.
-- params: database String, suite String, detector String, history UInt8
SELECT detector, mode, machine, test, metric, preset, params, backtest, reason, seq, event_id, changed_at, actor, deleted
FROM
(
    SELECT detector, mode, machine, test, metric, preset, params, backtest, reason, seq, event_id, changed_at, actor, toUInt8(0) AS deleted
    FROM v_detector_rules
    WHERE {history:UInt8} = 0 AND database = {database:String} AND suite = {suite:String}
    UNION ALL
    SELECT detector, mode, machine, test, metric, preset, params, backtest, reason, seq, event_id, changed_at, actor, deleted
    FROM v_detector_rule_history
    WHERE {history:UInt8} = 1 AND database = {database:String} AND suite = {suite:String}
)
WHERE {detector:String} = '' OR detector = {detector:String}
ORDER BY seq, detector, mode, machine, test, metric
