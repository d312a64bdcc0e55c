-- name: signal_machines
-- purpose: the machines from which something seems to be missing at a time: none of their runs came for longer than their cadence explains, or the newest brought far fewer values than usual.
-- params: at DateTime64(3), floor_seconds Float64, retired_seconds Float64, share Float64
--
-- A run happened when it was received; one that came a day or more after its end (history that is brought over) when it ended.
-- Runs within one minute are one arrival. The cadence is that of the newest 50 arrivals, of 5 runs at least.
WITH
-- a run with when it happened, in ms
happened AS
(
    SELECT
        database,
        suite,
        machine_id,
        run_id,
        seq,
        sample_count,
        toUnixTimestamp64Milli(if(
            end_at > toDateTime64('1971-01-01 00:00:00', 6, 'UTC') AND end_at < received_at - INTERVAL 1 DAY,
            toDateTime64(end_at, 3, 'UTC'),
            received_at
        )) AS at_ms
    FROM v_runs
    WHERE received_at <= {at:DateTime64(3)}
),
-- a machine with its newest runs, the newest first
newest AS
(
    SELECT
        database,
        suite,
        machine_id,
        arrayMap(r -> (-r.1, toUInt32(-r.2), r.3, r.4), groupArraySorted(500)((-at_ms, -toInt64(run_id), sample_count, seq))) AS last_runs
    FROM happened
    GROUP BY database, suite, machine_id
    HAVING length(last_runs) >= 5
),
-- the same with the seconds between its arrivals
paced AS
(
    SELECT
        database,
        suite,
        machine_id,
        last_runs[1].2 AS run_id,
        last_runs[1].1 AS last_ms,
        toUnixTimestamp64Milli({at:DateTime64(3)}) AS at_ms,
        (at_ms - last_ms) / 1000 AS seen_seconds,
        arraySlice(arrayDistinct(arrayMap(r -> intDiv(r.1, 60000), last_runs)), 1, 51) AS minutes,
        arraySort(arrayMap((later, before) -> 60. * (later - before), arrayPopBack(minutes), arrayPopFront(minutes))) AS gaps,
        arrayReduce('quantileExactInclusive(0.5)', gaps) AS usual_seconds,
        arrayReduce('quantileExactInclusive(0.9)', gaps) AS high_seconds,
        -- a machine that paused so long twice may do so again
        if(length(gaps) < 4, 0, gaps[-2]) AS pause_seconds,
        greatest(3 * high_seconds, 1.5 * pause_seconds, {floor_seconds:Float64}) AS limit_seconds,
        arraySlice(last_runs, 2, 50) AS earlier,
        last_runs[1].3 AS newest_values,
        arrayReduce('quantileExactInclusive(0.5)', arrayMap(r -> r.3, earlier)) AS usual_values,
        arrayMap(r -> r.4, arraySlice(last_runs, 1, 51)) AS seqs
    FROM newest
)
SELECT
    p.database AS database,
    p.suite AS suite,
    p.machine_id AS machine_id,
    m.name AS machine,
    p.run_id AS run_id,
    fromUnixTimestamp64Milli(p.last_ms, 'UTC') AS last_at,
    p.seen_seconds AS seen_seconds,
    p.usual_seconds AS usual_seconds,
    p.high_seconds AS high_seconds,
    p.limit_seconds AS limit_seconds,
    toUInt8(length(p.gaps) >= 4 AND p.seen_seconds > p.limit_seconds) AS is_silent,
    toUInt8(p.newest_values < {share:Float64} * p.usual_values) AS is_small,
    p.seqs AS seqs
FROM paced AS p
INNER JOIN v_machines AS m ON m.database = p.database AND m.suite = p.suite AND m.machine_id = p.machine_id
WHERE p.seen_seconds <= {retired_seconds:Float64} AND (is_silent = 1 OR is_small = 1)
ORDER BY database, suite, machine_id
