-- sample_texts: the values of Status ('0', '1', '2') and Hash metrics.
CREATE TABLE IF NOT EXISTS sample_texts
(
    database   LowCardinality(String),
    suite      LowCardinality(String),
    machine_id UInt32,
    metric     LowCardinality(String),
    test_id    UInt32,
    order_id   UInt32,
    load_id    UInt32,
    row        UInt32,
    run_id     UInt32,
    value      String
)
ENGINE = ReplacingMergeTree
ORDER BY (database, suite, machine_id, metric, test_id, order_id, load_id, row)
SETTINGS non_replicated_deduplication_window = 1000
