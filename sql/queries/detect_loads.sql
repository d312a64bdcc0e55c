-- name: detect_loads
-- purpose: the first generation of a run that came after a position, 0 when none has; and how many were taken away since.
-- params: database String, suite String, up_to UInt64
SELECT
    minIf(load_id, run_id > 0) AS load_id,
    (
        SELECT count()
        FROM v_gone_loads
        WHERE database = {database:String} AND suite = {suite:String} AND seq > {up_to:UInt64}
    ) AS gone
FROM v_ledger
WHERE database = {database:String} AND suite = {suite:String} AND seq > {up_to:UInt64}
