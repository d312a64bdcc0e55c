-- name: v_subscriptions
-- purpose: one row per subscription: who is told what, and how. Empty patterns stand for all. Of where it leads only the host is said.
CREATE OR REPLACE VIEW v_subscriptions AS
SELECT
    database,
    suite,
    id,
    name,
    channel,
    multiIf(
        position(s.target, '://') > 0, concat(protocol(s.target), '://', domain(s.target), '/…'),
        position(s.target, '@') > 0, concat('…@', splitByChar('@', s.target)[-1]),
        '…'
    ) AS target,
    machine,
    test,
    metric,
    kinds,
    on,
    min_effect,
    every,
    seq,
    first_seq,
    event_id,
    changed_at,
    actor
FROM v_raw_subscriptions AS s
