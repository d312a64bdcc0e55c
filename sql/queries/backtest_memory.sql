-- name: backtest_memory
-- purpose: the memory that the server uses by its own count, in bytes.
-- params:
SELECT toUInt64(greatest(value, 0)) AS bytes
FROM system.metrics
WHERE metric = 'MemoryTracking'
