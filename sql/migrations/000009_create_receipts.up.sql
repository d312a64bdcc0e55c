CREATE TABLE IF NOT EXISTS receipts
(
    event_id       UUID,
    database       LowCardinality(String),
    suite          LowCardinality(String),
    seq            UInt64,
    event_type     LowCardinality(String),
    received_at    DateTime64(3, 'UTC'),
    stored_at      DateTime64(3, 'UTC'),
    status         LowCardinality(String),
    code           UInt16,
    error          String,
    message        String,
    field          String,
    run_id         UInt32,
    machine_id     UInt32,
    order_id       UInt32,
    added_machines Int32,
    added_runs     Int32,
    added_tests    Int32,
    added_samples  Int32,
    topic          LowCardinality(String),
    partition      UInt32,
    offset         UInt64,
    actor          String,
    request_id     String,
    body_bytes     UInt64
)
ENGINE = ReplacingMergeTree
ORDER BY (event_id, database, suite)
SETTINGS non_replicated_deduplication_window = 1000
