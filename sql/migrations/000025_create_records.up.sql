-- records: what people and programs set by hand, every version of it: rules of detectors, subscriptions, deliveries, signals.
CREATE TABLE IF NOT EXISTS records
(
    database   LowCardinality(String),
    suite      LowCardinality(String),
    kind       LowCardinality(String) COMMENT 'detector_rule, subscription, delivery or signal',
    key        String COMMENT 'what it is known by among those of its kind',
    seq        UInt64 COMMENT 'position of the event that set it',
    event_id   UUID,
    changed_at DateTime64(3, 'UTC'),
    actor      String,
    body       String COMMENT 'JSON object',
    deleted    UInt8
)
ENGINE = ReplacingMergeTree
ORDER BY (database, suite, kind, key, seq)
SETTINGS non_replicated_deduplication_window = 1000
