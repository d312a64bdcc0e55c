package dashboards

func pipeline() Dashboard {
	return Dashboard{
		UID: "pipeline", Title: "Pipeline", From: "now-6h", Refresh: "30s",
		Description: "From the log into the tables and on to findings, over all suites: how late, how much at once, what was refused, what the jobs do. What a process knows of itself alone is in its metrics.",
		Variables:   []Variable{root},
		Panels: []Panel{
			{
				Title: "Stored", Kind: Stat, Unit: "short", Width: 6, Height: 4,
				Description: "Events of all kinds stored in the time shown.",
				SQL:         `SELECT count() AS events FROM v_receipts WHERE $__timeFilter(stored_at)`,
			},
			{
				Title: "Late by", Kind: Stat, Unit: "ms", Width: 6, Height: 4, Levels: []float64{5000, 60000},
				Description: "99 of 100 events of the time shown were stored within this, counted from when they were received.",
				SQL:         `SELECT quantile(0.99)(dateDiff('millisecond', received_at, stored_at)) AS wait FROM v_receipts WHERE $__timeFilter(stored_at)`,
			},
			{
				Title: "Refused", Kind: Stat, Unit: "short", Width: 6, Height: 4, Levels: []float64{1, 100},
				Description: "Events of the time shown that were refused.",
				SQL:         `SELECT countIf(status = 'rejected') AS refused FROM v_receipts WHERE $__timeFilter(stored_at)`,
			},
			{
				Title: "Jobs that failed", Kind: Stat, Unit: "short", Width: 6, Height: 4, Levels: []float64{1, 10},
				Description: "Slots of the time shown in which a job ended with an error.",
				SQL:         `SELECT countIf(error != '') AS failed FROM v_job_runs WHERE $__timeFilter(slot_at)`,
			},
			{
				Title: "Freshness", Kind: TimeSeries, Unit: "ms", Width: 12, Height: 9, Log: true,
				Description: "How long events had waited since they were received when they were stored: half of them, 95 of 100, all.",
				SQL: `
		SELECT $__timeInterval(stored_at) AS time,
		    quantile(0.5)(dateDiff('millisecond', received_at, stored_at)) AS half,
		    quantile(0.95)(dateDiff('millisecond', received_at, stored_at)) AS most,
		    max(dateDiff('millisecond', received_at, stored_at)) AS all
		FROM v_receipts
		WHERE $__timeFilter(stored_at)
		GROUP BY time
		ORDER BY time`,
			},
			{
				Title: "Events stored", Kind: TimeSeries, Unit: "short", Width: 12, Height: 9, Drawn: "bars",
				Description: "Events by type: reports, findings, what people did.",
				SQL: `
		SELECT $__timeInterval(stored_at) AS time, event_type, count() AS events
		FROM v_receipts
		WHERE $__timeFilter(stored_at)
		GROUP BY time, event_type
		ORDER BY time, event_type`,
			},
			{
				Title: "Batches: events", Kind: TimeSeries, Unit: "short", Width: 8, Height: 8,
				Description: "Mean and largest number of events that were stored at once. It grows by itself when more comes than can be stored one by one.",
				SQL: `
		SELECT $__timeInterval(stored_at) AS time, avg(events) AS mean, max(events) AS largest
		FROM v_batches
		WHERE $__timeFilter(stored_at)
		GROUP BY time
		ORDER BY time`,
			},
			{
				Title: "Batches: size", Kind: TimeSeries, Unit: "bytes", Width: 8, Height: 8,
				Description: "Mean and largest size of what was stored at once, as it came.",
				SQL: `
		SELECT $__timeInterval(stored_at) AS time, avg(bytes) AS mean, max(bytes) AS largest
		FROM v_batches
		WHERE $__timeFilter(stored_at)
		GROUP BY time
		ORDER BY time`,
			},
			{
				Title: "Batches: samples", Kind: TimeSeries, Unit: "short", Width: 8, Height: 8,
				Description: "Samples stored per stretch of time, by partition of the log.",
				SQL: `
		SELECT $__timeInterval(stored_at) AS time, concat('partition ', toString(partition)) AS part, sum(samples) AS samples
		FROM v_batches
		WHERE $__timeFilter(stored_at)
		GROUP BY time, part
		ORDER BY time, part`,
			},
			{
				Title: "Refused, by reason", Kind: TimeSeries, Unit: "short", Width: 12, Height: 8, Drawn: "bars",
				Description: "Events that were refused, by the code of the refusal.",
				SQL: `
		SELECT $__timeInterval(stored_at) AS time, concat(toString(code), ' ', error) AS reason, count() AS refused
		FROM v_receipts
		WHERE status = 'rejected' AND $__timeFilter(stored_at)
		GROUP BY time, reason
		ORDER BY time, reason`,
			},
			{
				Title: "Jobs: time taken", Kind: TimeSeries, Unit: "ms", Width: 12, Height: 8, Log: true,
				Description: "The longest a job's slot took.",
				SQL: `
		SELECT $__timeInterval(slot_at) AS time, job, max(took_ms) AS took
		FROM v_job_runs
		WHERE $__timeFilter(slot_at)
		GROUP BY time, job
		ORDER BY time, job`,
			},
			{
				Title: "Suites", Kind: Table, Unit: "none", Width: 12, Height: 9,
				Description: "How far each suite's log is stored, how far its data and its findings can be read, and how many runs no job has seen yet.",
				Units:       map[string]string{"stored": "short", "data": "short", "findings": "short", "waiting": "short"},
				SQL: `
		SELECT p.database AS database, p.suite AS suite, p.seq AS stored, p.data_seq AS data, p.finding_seq AS findings, w.runs AS waiting
		FROM v_positions AS p
		LEFT JOIN
		(
		    SELECT r.database AS database, r.suite AS suite, countIf(r.seq > j.to_seq) AS runs
		    FROM v_runs AS r
		    LEFT JOIN (SELECT database, suite, max(to_seq) AS to_seq FROM v_job_runs WHERE error = '' GROUP BY database, suite) AS j
		        ON j.database = r.database AND j.suite = r.suite
		    GROUP BY database, suite
		) AS w ON w.database = p.database AND w.suite = p.suite
		ORDER BY waiting DESC, database, suite
		LIMIT 200`,
			},
			{
				Title: "Job runs", Kind: Table, Unit: "none", Width: 12, Height: 9,
				Description: "What the jobs did in the time shown: slots, errors, rows, time, and the newest error.",
				Units:       map[string]string{"slots": "short", "failed": "short", "missed": "short", "rows": "short", "p95": "ms", "last": "dateTimeFromNow"},
				SQL: `
		SELECT job, database, suite, count() AS slots, countIf(error != '') AS failed, sum(missed_slots) AS missed, sum(rows) AS rows,
		    quantile(0.95)(took_ms) AS p95, max(slot_at) AS last, argMaxIf(error, slot_at, error != '') AS newest_error
		FROM v_job_runs
		WHERE $__timeFilter(slot_at)
		GROUP BY job, database, suite
		ORDER BY failed DESC, job, database, suite
		LIMIT 200`,
			},
		},
	}
}
