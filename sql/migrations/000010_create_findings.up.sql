CREATE TABLE IF NOT EXISTS findings
(
    database          LowCardinality(String),
    suite             LowCardinality(String),
    finding_id        UUID,
    change_id         UInt32 COMMENT 'serial in the suite, from 1',
    seq               UInt64,
    machine_id        UInt32,
    metric            LowCardinality(String),
    test_id           UInt32,
    order_id          UInt32 COMMENT 'first order after the change',
    previous_order_id UInt32 COMMENT 'last order before the change',
    direction         LowCardinality(String) COMMENT 'up or down',
    kind              LowCardinality(String) COMMENT 'regression or improvement',
    before            Float64,
    after             Float64,
    spread            Float64 COMMENT 'standard deviation of one order around its level',
    effect            Float64 COMMENT '(after - before) / before',
    effect_low        Float64 COMMENT 'the effect is at least this, as sure as the detector says, and 0 like effect_high when it says nothing',
    effect_high       Float64,
    cause             LowCardinality(String) COMMENT 'empty for the code, or machine',
    nth               UInt8 COMMENT 'tells changes of one series at one order in one direction apart',
    statistic         Float64,
    p_value           Float64,
    detector          LowCardinality(String),
    detector_version  UInt16,
    detector_params   String COMMENT 'JSON object',
    data_seq          UInt64 COMMENT 'position of the data the detector saw',
    found_at          DateTime64(3, 'UTC'),
    active            UInt8 COMMENT '0 when later data took the finding back',
    dismissed         UInt8 COMMENT '1 when people said that it is none',
    dismissed_seq     UInt64 COMMENT 'position of the event that last changed that',
    dismissed_effect  Float64 COMMENT 'the effect that was dismissed',
    note              String COMMENT 'what was said about the last step',
    shadow            UInt8 COMMENT '1 when it counts nowhere'
)
ENGINE = ReplacingMergeTree(seq)
ORDER BY (database, suite, finding_id)
SETTINGS non_replicated_deduplication_window = 1000
