-- name: detect_line
-- purpose: the orders at which machines have runs, in order, with the positions of these, as the data stood at a position.
-- params: database String, suite String, machine_ids Array(UInt32), before_load UInt32, gone_after UInt64
-- Runs count when their generation is below before_load, although an event after gone_after took it away. Where
-- nothing was, what stands between "past" and "present" may be left out.
WITH
-- past: generations that counted then and do not now
gone AS
(
    SELECT load_id
    FROM v_gone_loads
    WHERE database = {database:String} AND suite = {suite:String} AND seq > {gone_after:UInt64} AND load_id < {before_load:UInt32}
),
-- present
-- a run of one of the machines
visited AS
(
    SELECT machine_id, order_id, seq
    FROM v_runs
    WHERE database = {database:String}
        AND suite = {suite:String}
        AND machine_id IN {machine_ids:Array(UInt32)}
        AND load_id < {before_load:UInt32}
    -- past
    UNION DISTINCT
    SELECT target_id AS machine_id, order_id, seq
    FROM v_ledger AS l
    INNER JOIN
    (
        SELECT machine_id, if(machine_id IN {machine_ids:Array(UInt32)}, machine_id, merged_into) AS target_id
        FROM v_machine_states
        WHERE database = {database:String}
            AND suite = {suite:String}
            AND (machine_id IN {machine_ids:Array(UInt32)} OR merged_into IN {machine_ids:Array(UInt32)})
    ) AS m ON m.machine_id = l.machine_id
    WHERE l.database = {database:String}
        AND l.suite = {suite:String}
        AND l.load_id IN (SELECT load_id FROM gone)
    -- present
)
SELECT
    machine_id,
    order_id,
    any(name) AS name,
    arraySort(groupArray(v.seq)) AS seqs
FROM visited AS v
INNER JOIN
(
    SELECT order_id, name, sort_key
    FROM v_orders
    WHERE database = {database:String} AND suite = {suite:String}
) AS o USING (order_id)
GROUP BY machine_id, order_id
ORDER BY machine_id, any(sort_key), order_id
