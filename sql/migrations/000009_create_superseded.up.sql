-- superseded: generations of runs that no longer count. Readers leave them out.
CREATE TABLE IF NOT EXISTS superseded
(
    database LowCardinality(String),
    suite    LowCardinality(String),
    load_id  UInt32,
    seq      UInt64
)
ENGINE = ReplacingMergeTree(seq)
ORDER BY (database, suite, load_id)
SETTINGS non_replicated_deduplication_window = 1000
