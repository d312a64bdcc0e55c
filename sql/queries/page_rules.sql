-- name: page_rules
-- purpose: the rules of a suite's detectors, in the order in which they were set.
-- params: database String, suite String
SELECT detector, mode, machine, test, metric, preset, params
FROM v_detector_rules
WHERE database = {database:String} AND suite = {suite:String}
ORDER BY seq, rule_key
