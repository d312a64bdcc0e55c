-- name: heat_map
-- purpose: the levels (medians of what did not fail) of the tests of one metric in some runs, by the place each run has, the largest movement first; base is 'median' of the places, the 'oldest' one or, for each place, the 'previous' one; total_count is the number of all tests.
-- params: database String, suite String, metric String, status String, seqs Array(UInt64), places Array(UInt32), base String, test String, limit UInt32, offset UInt32
WITH
    -- one row per value, and one per failure whether or not it left a value
    results AS (
        SELECT seq, test_id, value, failed
        FROM v_run_samples
        WHERE database = {database:String} AND suite = {suite:String} AND seq IN {seqs:Array(UInt64)}
            AND metric = {metric:String}
        UNION ALL
        SELECT seq, test_id, toFloat64(0) AS value, toUInt8(1) AS failed
        FROM v_run_texts
        WHERE database = {database:String} AND suite = {suite:String} AND seq IN {seqs:Array(UInt64)}
            AND metric = {status:String} AND {status:String} != '' AND v_run_texts.value = '1'
    ),
    -- one row per test and place
    levels AS (
        SELECT
            test_id,
            transform(seq, {seqs:Array(UInt64)}, {places:Array(UInt32)}, toUInt32(0)) AS place,
            quantileExactInclusiveIf(0.5)(value, failed = 0) AS level,
            countIf(failed = 0) AS passed
        FROM results
        WHERE {test:String} = '' OR test_id IN (
            SELECT test_id
            FROM v_tests
            WHERE database = {database:String} AND suite = {suite:String}
                AND positionCaseInsensitiveUTF8(name, {test:String}) > 0
        )
        GROUP BY test_id, place
    ),
    -- one row per test with the places where it has a level, in their order
    lines AS (
        SELECT
            test_id,
            arraySort(groupArrayIf((place, level), passed > 0)) AS points,
            arraySort(groupArrayIf(place, passed = 0)) AS failed_places,
            arrayMap(p -> p.2, points) AS heights,
            multiIf(
                {base:String} = 'median', arrayMap(h -> arrayReduce('quantileExactInclusive(0.5)', heights), heights),
                {base:String} = 'oldest', arrayMap(h -> heights[1], heights),
                arrayMap((h, n) -> heights[greatest(n - 1, 1)], heights, arrayEnumerate(heights))
            ) AS bases
        FROM levels
        GROUP BY test_id
    )
SELECT
    test_id,
    arrayMap(p -> p.1, points) AS level_places,
    heights AS levels,
    bases,
    failed_places,
    arrayMax(arrayPushBack(arrayMap((h, b) -> if(b = 0, 0, abs(h - b) / abs(b)), heights, bases), 0)) AS movement,
    count() OVER () AS total_count
FROM lines
ORDER BY movement DESC, test_id
LIMIT {limit:UInt32}
OFFSET {offset:UInt32}
