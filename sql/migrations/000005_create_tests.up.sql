CREATE TABLE IF NOT EXISTS tests
(
    database LowCardinality(String),
    suite    LowCardinality(String),
    test_id  UInt32,
    name     String
)
ENGINE = ReplacingMergeTree
ORDER BY (database, suite, test_id)
SETTINGS non_replicated_deduplication_window = 1000
