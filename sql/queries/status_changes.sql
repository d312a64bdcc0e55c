-- name: status_changes
-- purpose: the levels of the tests of one metric in pairs of runs, the worst change of any pair first; slots are 2n-1 for the reference and 2n for the newest run of the n-th pair, sign is 1 where more is worse, else -1; total_count is the number of all tests.
-- params: database String, suite String, metric String, status String, seqs Array(UInt64), slots Array(UInt32), sign Float64, test String, limit UInt32, offset UInt32
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
    -- one row per test and run
    levels AS (
        SELECT
            test_id,
            arrayJoin(arrayFilter((slot, s) -> s = seq, {slots:Array(UInt32)}, {seqs:Array(UInt64)})) AS slot,
            quantileExactInclusiveIf(0.5)(value, failed = 0) AS level,
            countIf(failed = 0) AS passed
        FROM results
        WHERE {test:String} = '' OR test_id IN (
            SELECT test_id
            FROM v_tests
            WHERE database = {database:String} AND suite = {suite:String}
                AND positionCaseInsensitiveUTF8(name, {test:String}) > 0
        )
        GROUP BY test_id, slot
    ),
    -- one row per test and pair that has something
    pairs AS (
        SELECT
            test_id,
            toUInt32(intDiv(slot + 1, 2)) AS place,
            maxIf(level, slot % 2 = 1 AND passed > 0) AS level_before,
            maxIf(level, slot % 2 = 0 AND passed > 0) AS level_after,
            countIf(slot % 2 = 1 AND passed > 0) > 0 AND countIf(slot % 2 = 0 AND passed > 0) > 0 AS complete,
            countIf(slot % 2 = 0 AND passed = 0) > 0 AS fails
        FROM levels
        GROUP BY test_id, place
    )
SELECT
    test_id,
    groupArray(place) AS places,
    groupArray(level_before) AS levels_before,
    groupArray(level_after) AS levels_after,
    groupArray(toUInt8(complete)) AS completes,
    groupArray(toUInt8(fails)) AS failures,
    max(multiIf(fails, 1e9, complete AND level_before != 0, {sign:Float64} * (level_after - level_before) / abs(level_before), -1e9)) AS worst,
    count() OVER () AS total_count
FROM pairs
GROUP BY test_id
ORDER BY worst DESC, test_id
LIMIT {limit:UInt32}
OFFSET {offset:UInt32}
