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
(
    SELECT if(throwIf(count() = 0, 'confidence must be 0.1, 0.05 or 0.01') = 0, groupArray(critical), [])
    FROM (SELECT critical FROM v_lnt_mann_whitney WHERE confidence = {confidence:Float64} ORDER BY n)
) AS critical,
-- a value, or a failure for each metric that its status is linked to, with its place in LNT's list of samples
measured AS
(
    SELECT
        metric,
        test_id,
        bitShiftLeft(indexOf({current_seqs:Array(UInt64)}, seq), 32) AS current_run,
        bitShiftLeft(indexOf({previous_seqs:Array(UInt64)}, seq), 32) AS previous_run,
        row,
        value,
        0 AS fails
    FROM v_run_samples
    WHERE database = {database:String}
        AND suite = {suite:String}
        AND seq IN (SELECT arrayJoin(arrayConcat({current_seqs:Array(UInt64)}, {previous_seqs:Array(UInt64)})))
        AND has({metrics:Array(String)}, metric)
    UNION ALL
    SELECT
        failed_metric AS metric,
        test_id,
        bitShiftLeft(indexOf({current_seqs:Array(UInt64)}, seq), 32) AS current_run,
        bitShiftLeft(indexOf({previous_seqs:Array(UInt64)}, seq), 32) AS previous_run,
        row,
        0 AS value,
        1 AS fails
    FROM v_run_texts AS t
    ARRAY JOIN arrayFilter((m, status) -> status = t.metric, {metrics:Array(String)}, {statuses:Array(String)}) AS failed_metric
    WHERE database = {database:String}
        AND suite = {suite:String}
        AND seq IN (SELECT arrayJoin(arrayConcat({current_seqs:Array(UInt64)}, {previous_seqs:Array(UInt64)})))
        AND has({statuses:Array(String)}, t.metric)
        AND t.value = '1'
),
-- a metric of a test
series AS
(
    SELECT
        metric,
        test_id,
        arraySort((v, place) -> place, groupArrayIf(value, current_run > 0 AND NOT fails), groupArrayIf(current_run + row, current_run > 0 AND NOT fails)) AS current_values,
        arraySort((v, place) -> place, groupArrayIf(value, previous_run > 0 AND NOT fails), groupArrayIf(previous_run + row, previous_run > 0 AND NOT fails)) AS previous_values,
        minIf(previous_run + row, previous_run > 0 AND NOT fails) AS first_previous,
        maxIf(fails, current_run > 0) AS failed,
        maxIf(fails, previous_run > 0) AS prev_failed
    FROM measured
    GROUP BY metric, test_id
),
-- a test with its hashes: the first current one, and the previous ones with their places
hashes AS
(
    SELECT
        test_id,
        argMinIf(value, bitShiftLeft(indexOf({current_seqs:Array(UInt64)}, seq), 32) + row, has({current_seqs:Array(UInt64)}, seq)) AS hash,
        groupArrayIf(value, has({previous_seqs:Array(UInt64)}, seq)) AS previous_hashes,
        groupArrayIf(bitShiftLeft(indexOf({previous_seqs:Array(UInt64)}, seq), 32) + row, has({previous_seqs:Array(UInt64)}, seq)) AS previous_places
    FROM v_run_texts
    WHERE database = {database:String}
        AND suite = {suite:String}
        AND seq IN (SELECT arrayJoin(arrayConcat({current_seqs:Array(UInt64)}, {previous_seqs:Array(UInt64)})))
        AND metric = 'hash'
    GROUP BY test_id
),
-- a metric of a test with the two values that are compared
compared AS
(
    SELECT
        metric,
        test_id,
        indexOf({metrics:Array(String)}, metric) AS i,
        {bigger:Array(UInt8)}[i] AS bigger_is_better,
        current_values,
        previous_values,
        failed,
        prev_failed,
        h.hash AS hash,
        -- the hash of the first previous sample that has a value, if it has a hash
        h.previous_hashes[indexOf(h.previous_places, first_previous)] AS prev_hash,
        -- the best current value
        if(bigger_is_better, arrayMax(current_values), arrayMin(current_values)) AS best,
        notEmpty(current_values) AS has_current,
        best != 0 AND notEmpty(previous_values) AS has_previous,
        -- the previous value nearest to it, of equally near ones the last
        arrayMap(v -> abs(best - v), if(has_previous, previous_values, [])) AS distances,
        previous_values[length(distances) + 1 - indexOf(arrayReverse(distances), arrayMin(distances))] AS nearest,
        if(has_previous, best - nearest, 0) AS delta,
        if(has_previous AND nearest != 0, delta / nearest, 0) AS pct,
        -- the spread of the current values, over all of them
        length(current_values) > 1 AS has_spread,
        arrayAvg(current_values) AS mean,
        sqrt(arraySum(v -> (v - mean) * (v - mean), current_values) / length(current_values)) AS stddev,
        arraySort(current_values) AS sorted_values,
        (sorted_values[intDiv(length(sorted_values) + 1, 2)] + sorted_values[intDiv(length(sorted_values), 2) + 1]) * 0.5 AS middle,
        arraySort(arrayMap(v -> abs(v - middle), current_values)) AS deviations,
        (deviations[intDiv(length(deviations) + 1, 2)] + deviations[intDiv(length(deviations), 2) + 1]) * 0.5 AS mad
    FROM series
    LEFT JOIN hashes AS h USING (test_id)
),
-- the same, judged by the rules that need no statistics: '?' leaves it to those below
judged AS
(
    SELECT
        *,
        multiIf(
            NOT has_previous, '',
            failed, 'UNCHANGED_FAIL',
            prev_failed, 'UNCHANGED_PASS',
            {same_hash:Array(UInt8)}[i] AND hash != '' AND hash = prev_hash, 'UNCHANGED_PASS',
            NOT {small_differences:UInt8} AND abs(pct) < least_change, 'UNCHANGED_PASS',
            -- in the metric's own unit, whatever it is
            NOT {small_differences:UInt8} AND abs(delta) < least_change, 'UNCHANGED_PASS',
            abs(delta) <= 2 * precision * z_99, 'UNCHANGED_PASS',
            '?'
        ) AS verdict,
        length(current_values) AS n,
        length(previous_values) AS m,
        verdict = '?' AND n >= 4 AND m >= 4 AS is_tested,
        -- U and the p-value of the normal approximation with ties, both sides
        arrayReduce(
            'mannWhitneyUTest(''two-sided'', 0)',
            if(is_tested, arrayConcat(current_values, previous_values), [0., 0.]),
            if(is_tested, arrayConcat(arrayWithConstant(n, 0), arrayWithConstant(m, 1)), [0, 1])
        ) AS u_test
    FROM compared
),
-- the same with what the Mann-Whitney test says; up to 20 samples a side LNT holds
-- the difference of both U, not the smaller one, against the smaller one's table
tested AS
(
    SELECT
        *,
        is_tested AND if(
            n <= 20 AND m <= 20,
            abs(n * m - 2 * u_test.1) <= critical[n - 3][m - 3],
            isNaN(u_test.2) OR u_test.2 >= {confidence:Float64}
        ) AS is_same
    FROM judged
)
SELECT
    metric,
    test_id,
    if(has_current, best, NULL) AS current,
    if(has_previous, nearest, NULL) AS previous,
    delta,
    pct,
    if(has_spread, stddev, NULL) AS stddev,
    if(has_spread, mad, NULL) AS mad,
    failed,
    prev_failed,
    hash,
    prev_hash,
    multiIf(
        failed AND prev_failed, 'UNCHANGED_FAIL',
        failed, 'REGRESSED',
        prev_failed, 'IMPROVED',
        'UNCHANGED_PASS'
    ) AS test_status,
    multiIf(
        verdict != '?', verdict,
        is_same, 'UNCHANGED_PASS',
        has_spread AND abs(delta) <= tested.stddev * z_99, 'UNCHANGED_PASS',
        NOT has_spread AND NOT {small_differences:UInt8} AND abs(pct) < 0.002, 'UNCHANGED_PASS',
        -- one sample is judged by the sign of the relative change
        (if(has_spread, delta, pct) < 0) = bigger_is_better, 'REGRESSED',
        'IMPROVED'
    ) AS value_status
FROM tested
ORDER BY indexOf({metrics:Array(String)}, metric), test_id
