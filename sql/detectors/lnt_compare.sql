-- name: lnt_compare
-- purpose: what LNT would say of the tests of some runs, compared with those of earlier runs: one row per metric and test with a value or a failure on either side.
-- params: database String, suite String, current_seqs Array(UInt64), previous_seqs Array(UInt64), metrics Array(String), statuses Array(String), bigger Array(UInt8), same_hash Array(UInt8), confidence Float64, small_differences UInt8
-- detector: lnt
-- version: 1
--
-- current_seqs and previous_seqs are the positions of the runs, newest first; there
-- may be no previous ones. metrics are the Real metrics to compare; at the same place
-- statuses names the Status metric linked to it ('' for none), bigger says that more
-- is better, same_hash that a change does not count while the hash stays. confidence
-- is 0.1, 0.05 or 0.01. small_differences reports what is below a hundredth, too.
--
-- The rules are those of LNT's ComparisonResult, in its order; the first that applies
-- decides. A value_status of '' is its None: there was nothing to compare. A metric
-- of a test that has no row here is UNCHANGED_PASS and None.
WITH
2.576 AS z_99,
0.0001 AS precision,
0.01 AS least_change,
arrayConcat({current_seqs:Array(UInt64)}, {previous_seqs:Array(UInt64)}) AS seqs,
(
    SELECT if(throwIf(count() = 0, 'confidence must be 0.1, 0.05 or 0.01') = 0, groupArray(critical), [])
    FROM (SELECT critical FROM v_lnt_mann_whitney WHERE confidence = {confidence:Float64} ORDER BY n)
) AS critical,
-- a value, or a failure for each metric that its status is linked to, and where LNT's lists have it: run by run, row by row
measured AS
(
    SELECT
        metric,
        test_id,
        seq IN {current_seqs:Array(UInt64)} AS is_current,
        bitShiftLeft(indexOf(seqs, seq), 32) + row AS place,
        value,
        0 AS fails
    FROM v_run_samples
    WHERE database = {database:String} AND suite = {suite:String} AND seq IN seqs AND metric IN {metrics:Array(String)}
    UNION ALL
    SELECT
        arrayJoin(arrayFilter((m, status) -> status = metric, {metrics:Array(String)}, {statuses:Array(String)})) AS failed_metric,
        test_id,
        seq IN {current_seqs:Array(UInt64)},
        0 AS nowhere,
        0 AS no_value,
        1
    FROM v_run_texts
    WHERE database = {database:String} AND suite = {suite:String} AND seq IN seqs AND metric IN {statuses:Array(String)} AND value = '1'
),
-- a metric of a test with its values on either side
series AS
(
    SELECT
        metric,
        test_id,
        groupArrayIf(value, is_current AND NOT fails) AS current_values,
        arraySort((v, at) -> at, groupArrayIf(value, NOT is_current AND NOT fails), groupArrayIf(place, NOT is_current AND NOT fails)) AS previous_values,
        minIf(place, NOT is_current AND NOT fails) AS first_previous,
        maxIf(fails, is_current) AS failed,
        maxIf(fails, NOT is_current) AS prev_failed
    FROM measured
    GROUP BY metric, test_id
),
-- a test with its first current hash, and all hashes with their places
hashes AS
(
    SELECT
        test_id,
        argMinIf(value, (indexOf(seqs, seq), row), seq IN {current_seqs:Array(UInt64)}) AS current_hash,
        groupArray(value) AS all_hashes,
        groupArray(bitShiftLeft(indexOf(seqs, seq), 32) + row) AS all_places
    FROM v_run_texts
    WHERE database = {database:String} AND suite = {suite:String} AND seq IN seqs AND metric = 'hash'
    GROUP BY test_id
),
-- a metric of a test with its best current value and its hashes: of the previous ones that of the first sample with a value counts
described AS
(
    SELECT
        s.metric AS metric,
        s.test_id AS test_id,
        s.current_values AS current_values,
        s.previous_values AS previous_values,
        s.failed AS failed,
        s.prev_failed AS prev_failed,
        h.current_hash AS hash,
        h.all_hashes[indexOf(h.all_places, s.first_previous)] AS prev_hash,
        {bigger:Array(UInt8)}[indexOf({metrics:Array(String)}, s.metric)] AS is_bigger_better,
        if(is_bigger_better, arrayMax(s.current_values), arrayMin(s.current_values)) AS best,
        length(s.current_values) AS n,
        length(s.previous_values) AS m
    FROM series AS s
    LEFT JOIN hashes AS h ON h.test_id = s.test_id
),
-- the same with what its best value is compared with: the nearest previous one, of equally near ones the last. A best value
-- of zero is compared with nothing
compared AS
(
    SELECT
        *,
        arrayReverse(arrayMap(v -> abs(best - v), previous_values)) AS distances,
        if(best != 0 AND m > 0, previous_values[-indexOf(distances, arrayMin(distances))], NULL) AS nearest,
        arrayReduce('quantileExactInclusive(0.5)', current_values) AS middle
    FROM described
),
-- the same with the difference and the spread of the current values
differences AS
(
    SELECT
        *,
        ifNull(best - nearest, 0) AS delta,
        ifNull(if(nearest != 0, (best - nearest) / nearest, 0), 0) AS pct,
        arrayReduce('stddevPopStable', current_values) AS deviation
    FROM compared
),
-- the same, judged by the rules that need no statistics; '?' leaves it to those below
judged AS
(
    SELECT
        *,
        multiIf(
            nearest IS NULL, '',
            failed, 'UNCHANGED_FAIL',
            prev_failed, 'UNCHANGED_PASS',
            hash != '' AND hash = prev_hash AND {same_hash:Array(UInt8)}[indexOf({metrics:Array(String)}, metric)], 'UNCHANGED_PASS',
            -- the second in the metric's own unit, whatever it is
            NOT {small_differences:UInt8} AND least(abs(pct), abs(delta)) < least_change, 'UNCHANGED_PASS',
            abs(delta) <= 2 * precision * z_99, 'UNCHANGED_PASS',
            '?'
        ) AS verdict,
        verdict = '?' AND n >= 4 AND m >= 4 AS is_tested
    FROM differences
),
-- the same with U and the p-value of its normal approximation, both sides, ties counted; enough samples take the test
tested AS
(
    SELECT
        *,
        arrayReduce(
            'mannWhitneyUTest(''two-sided'', 0)',
            if(is_tested, arrayConcat(current_values, previous_values), [0., 0.]),
            if(is_tested, arrayResize(arrayWithConstant(n, 0), n + m, 1), [0, 1])
        ) AS u_test
    FROM judged
)
SELECT
    metric,
    test_id,
    if(n > 0, best, NULL) AS current,
    nearest AS previous,
    delta,
    pct,
    if(n > 1, deviation, NULL) AS stddev,
    if(n > 1, arrayReduce('quantileExactInclusive(0.5)', arrayMap(v -> abs(v - middle), current_values)), NULL) AS mad,
    failed,
    prev_failed,
    hash,
    prev_hash,
    multiIf(failed AND prev_failed, 'UNCHANGED_FAIL', failed, 'REGRESSED', prev_failed, 'IMPROVED', 'UNCHANGED_PASS') AS test_status,
    multiIf(
        NOT verdict = '?', verdict,
        -- up to 20 samples LNT holds the difference of both U, not the smaller one, against the smaller one's table
        is_tested AND if(n <= 20 AND m <= 20, abs(n * m - 2 * u_test.1) <= critical[n - 3][m - 3], NOT u_test.2 < {confidence:Float64}), 'UNCHANGED_PASS',
        n > 1 AND abs(delta) <= deviation * z_99, 'UNCHANGED_PASS',
        n = 1 AND NOT {small_differences:UInt8} AND abs(pct) < 0.002, 'UNCHANGED_PASS',
        -- one sample is judged by the sign of the relative change, several by that of the absolute one
        (if(n > 1, delta, pct) < 0) = is_bigger_better, 'REGRESSED',
        'IMPROVED'
    ) AS value_status
FROM tested
ORDER BY indexOf({metrics:Array(String)}, metric), test_id
