-- name: page_admin_tables
-- purpose: how large each table is and of how many parts.
-- params:
SELECT table, count() AS parts, sum(rows) AS row_count, sum(bytes_on_disk) AS bytes, version() AS engine
FROM system.parts
WHERE active AND database = currentDatabase()
GROUP BY table
ORDER BY bytes DESC, table
