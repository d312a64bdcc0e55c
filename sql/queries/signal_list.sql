-- name: signal_list
-- purpose: what is missing now, newest first, from a position on downwards; no machines and an empty signal stand for all.
-- params: database String, suite String, machine_ids Array(UInt32), signal String, below_seq UInt64, below_machine UInt64, max_items UInt64
SELECT machine_id, machine, signal, true AS is_open, since, expected, seen, unit, detail, seq, changed_at
FROM v_signals
WHERE database = {database:String}
    AND suite = {suite:String}
    AND (empty({machine_ids:Array(UInt32)}) OR has({machine_ids:Array(UInt32)}, machine_id))
    AND ({signal:String} = '' OR signal = {signal:String})
    AND (seq, toUInt64(machine_id) * 2 + (signal = 'silence')) < ({below_seq:UInt64}, {below_machine:UInt64})
ORDER BY seq DESC, toUInt64(machine_id) * 2 + (signal = 'silence') DESC
LIMIT {max_items:UInt64}
