-- name: detect_schema
-- purpose: the metrics of a suite of which more is better.
-- params: database String, suite String
SELECT arrayFilter(
    name -> name != '',
    arrayMap(
        m -> if(JSONExtractBool(m, 'bigger_is_better'), JSONExtractString(m, 'name'), ''),
        JSONExtractArrayRaw(schema, 'metrics')
    )
) AS bigger_is_better
FROM v_suites
WHERE database = {database:String} AND suite = {suite:String}
