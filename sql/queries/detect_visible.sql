-- name: detect_visible
-- purpose: whether an event has been stored.
-- params: event_id UUID
SELECT count() AS stored
FROM v_receipts
WHERE event_id = {event_id:UUID}
