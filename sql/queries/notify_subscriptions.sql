-- name: notify_subscriptions
-- purpose: one row per subscription, with the position at which it was made.
-- params:
SELECT
    s.database AS database,
    s.suite AS suite,
    s.id AS id,
    s.name AS name,
    s.channel AS channel,
    s.target AS target,
    s.machine AS machine,
    s.test AS test,
    s.metric AS metric,
    s.kinds AS kinds,
    s.on AS on,
    s.min_effect AS min_effect,
    s.every AS every,
    h.first_seq AS first_seq,
    s.changed_at AS changed_at
FROM v_raw_subscriptions AS s
INNER JOIN
(
    -- one that was removed and set again is new
    SELECT
        database,
        suite,
        key,
        arrayMin(arrayFilter(one -> one > maxIf(seq, deleted = 1), groupArray(seq))) AS first_seq
    FROM v_record_history
    WHERE kind = 'subscription'
    GROUP BY database, suite, key
) AS h ON h.database = s.database AND h.suite = s.suite AND h.key = toString(s.id)
ORDER BY database, suite, id
