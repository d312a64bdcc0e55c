-- name: page_admin_actors
-- purpose: who wrote last when, by the names of tokens; the newest first.
-- params: limit UInt32
SELECT actor, count() AS events, max(received_at) AS last_received_at
FROM v_receipts
WHERE actor != ''
GROUP BY actor
ORDER BY last_received_at DESC, actor
LIMIT {limit:UInt32}
