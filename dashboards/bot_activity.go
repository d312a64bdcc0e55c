package dashboards

func botActivity() Dashboard {
	receipts := suitePage + "receipts"
	ofSuite := `database = ${database:singlequote} AND suite = ${suite:singlequote}`
	return Dashboard{
		UID: "bot-activity", Title: "Bot activity", From: "now-7d", Refresh: "1m",
		Description: "Who submits what, how long it takes to be stored, and what is refused and why.",
		Variables:   []Variable{root, database, suite},
		Panels: []Panel{
			{
				Title: "Submissions", Kind: Stat, Unit: "short", Width: 6, Height: 4, Page: receipts,
				Description: "Reports received in the time shown, whether taken or refused.",
				SQL: `
		SELECT count() AS submissions
		FROM v_receipts
		WHERE ` + ofSuite + ` AND event_type = 'run.submitted' AND $__timeFilter(received_at)`,
			},
			{
				Title: "Refused", Kind: Stat, Unit: "percentunit", Width: 6, Height: 4, Page: receipts, Levels: []float64{0.01, 0.1},
				Description: "Share of the reports received in the time shown that were refused.",
				SQL: `
		SELECT countIf(status = 'rejected') / count() AS refused
		FROM v_receipts
		WHERE ` + ofSuite + ` AND event_type = 'run.submitted' AND $__timeFilter(received_at)`,
			},
			{
				Title: "Received", Kind: Stat, Unit: "bytes", Width: 6, Height: 4, Page: receipts,
				Description: "Size of the reports received in the time shown, as they came.",
				SQL: `
		SELECT sum(body_bytes) AS bytes
		FROM v_receipts
		WHERE ` + ofSuite + ` AND event_type = 'run.submitted' AND $__timeFilter(received_at)`,
			},
			{
				Title: "Time to be stored", Kind: Stat, Unit: "ms", Width: 6, Height: 4, Page: receipts, Levels: []float64{1000, 10000},
				Description: "95 of 100 reports of the time shown were stored within this, counted from when they were received.",
				SQL: `
		SELECT quantile(0.95)(dateDiff('millisecond', received_at, stored_at)) AS wait
		FROM v_receipts
		WHERE ` + ofSuite + ` AND event_type = 'run.submitted' AND $__timeFilter(received_at)`,
			},
			{
				Title: "Submissions by bot", Kind: TimeSeries, Unit: "short", Width: 12, Height: 9, Drawn: "bars", Page: receipts,
				Description: "Reports by the name of the token they came with; without one, by nobody.",
				SQL: `
		SELECT $__timeInterval(received_at) AS time, if(actor = '', 'nobody', actor) AS bot, count() AS submissions
		FROM v_receipts
		WHERE ` + ofSuite + ` AND event_type = 'run.submitted' AND $__timeFilter(received_at)
		GROUP BY time, bot
		ORDER BY time, bot`,
			},
			{
				Title: "Taken and refused", Kind: TimeSeries, Unit: "short", Width: 12, Height: 9, Drawn: "bars", Page: receipts,
				Description: "Reports by what became of them.",
				SQL: `
		SELECT $__timeInterval(received_at) AS time, status, count() AS submissions
		FROM v_receipts
		WHERE ` + ofSuite + ` AND event_type = 'run.submitted' AND $__timeFilter(received_at)
		GROUP BY time, status
		ORDER BY time, status`,
			},
			{
				Title: "Bots", Kind: Table, Unit: "none", Width: 12, Height: 10, Page: receipts,
				Description: "What each bot sent in the time shown.",
				Units:       map[string]string{"submissions": "short", "refused": "percentunit", "largest": "bytes", "samples": "short", "last": "dateTimeFromNow"},
				SQL: `
		SELECT if(actor = '', 'nobody', actor) AS bot, count() AS submissions, countIf(status = 'rejected') / count() AS refused,
		    max(body_bytes) AS largest, sum(greatest(added_samples, 0)) AS samples, max(received_at) AS last
		FROM v_receipts
		WHERE ` + ofSuite + ` AND event_type = 'run.submitted' AND $__timeFilter(received_at)
		GROUP BY bot
		ORDER BY submissions DESC, bot
		LIMIT 100`,
			},
			{
				Title: "Newest refusals", Kind: Table, Unit: "none", Width: 12, Height: 10, Page: receipts,
				Description: "Why reports were refused; their bytes are kept, and the receipt shows them.",
				Units:       map[string]string{"received": "dateTimeFromNow"},
				Pages:       map[string]string{"event": receipts + `?event=${__data.fields["event"]}`},
				SQL: `
		SELECT received_at AS received, actor AS bot, code, error, message, field, toString(event_id) AS event
		FROM v_receipts
		WHERE ` + ofSuite + ` AND event_type = 'run.submitted' AND status = 'rejected' AND $__timeFilter(received_at)
		ORDER BY received_at DESC, seq DESC
		LIMIT 100`,
			},
		},
	}
}
