CREATE TABLE IF NOT EXISTS suites
(
    database LowCardinality(String),
    suite    LowCardinality(String),
    seq      UInt64,
    schema   String COMMENT 'JSON'
)
ENGINE = ReplacingMergeTree(seq)
ORDER BY (database, suite)
SETTINGS non_replicated_deduplication_window = 1000
