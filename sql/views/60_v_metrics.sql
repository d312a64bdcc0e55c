-- name: v_metrics
-- purpose: one row per metric of a suite, with its unit and its place in the schema, which is how LNT's addresses name it.
CREATE OR REPLACE VIEW v_metrics AS
SELECT
    database,
    suite,
    JSONExtractString(raw, 'name') AS metric,
    toUInt32(place - 1) AS field,
    JSONExtractString(raw, 'type') AS type,
    JSONExtractString(raw, 'unit') AS unit,
    JSONExtractBool(raw, 'bigger_is_better') AS bigger_is_better
FROM v_suites
ARRAY JOIN
    JSONExtractArrayRaw(schema, 'metrics') AS raw,
    arrayEnumerate(JSONExtractArrayRaw(schema, 'metrics')) AS place
