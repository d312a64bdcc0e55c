ALTER TABLE ledger ADD INDEX IF NOT EXISTS ledger_offset (partition, offset) TYPE minmax GRANULARITY 16
