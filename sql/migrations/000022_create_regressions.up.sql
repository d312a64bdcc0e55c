-- regressions: findings that people look after together, as each was left.
CREATE TABLE IF NOT EXISTS regressions
(
    database      LowCardinality(String),
    suite         LowCardinality(String),
    regression_id UInt32,
    seq           UInt64,
    title         String,
    bug           String COMMENT 'link',
    state         UInt8 COMMENT 'number of LNT: 0 detected, 1 staged, 10 active, 20 not to be fixed, 21 ignored, 22 fixed, 23 to be verified',
    change_ids    Array(UInt32) COMMENT 'findings, in the order they were added',
    added         Array(UInt64) COMMENT 'when each of them was added: a larger number is later in the suite',
    changed_at    DateTime64(3, 'UTC'),
    deleted       UInt8,
    uuid          UUID,
    opened_seq    UInt64 COMMENT 'position of the event that made it',
    detector      LowCardinality(String) COMMENT 'that of its first finding',
    kind          LowCardinality(String) COMMENT 'regression or improvement',
    cause         LowCardinality(String) COMMENT 'code or machine',
    owner         String,
    tags          Array(String),
    note          String COMMENT 'what was said about the last step',
    start_order_id UInt32 COMMENT 'the culprit is after this order',
    end_order_id  UInt32 COMMENT 'and not after this one',
    merged_into   UInt32 COMMENT 'the regression that it was made part of, else 0',
    touched       UInt8 COMMENT '1 when a person did something with it',
    titled        UInt8 COMMENT '1 when the title is a person''s',
    actor         String COMMENT 'who changed it last'
)
ENGINE = ReplacingMergeTree(seq)
ORDER BY (database, suite, regression_id)
SETTINGS non_replicated_deduplication_window = 1000
