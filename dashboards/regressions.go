package dashboards

// stateName is a regression's state as people know it.
const stateName = `transform(state, [0, 1, 10, 20, 21, 22, 23],
		        ['detected', 'staged', 'active', 'not to be fixed', 'ignored', 'fixed', 'verify'], toString(state))`

func regressions() Dashboard {
	list := suitePage + "regressions"
	ofSuite := `database = ${database:singlequote} AND suite = ${suite:singlequote}`
	one := map[string]string{"title": suitePage + `regressions/${__data.fields["regression_id"]}`}
	return Dashboard{
		UID: "regressions", Title: "Regressions", From: "now-90d", Refresh: "5m",
		Description: "What is open, whose it is, how large it is, and how fast it is dealt with.",
		Variables:   []Variable{root, database, suite},
		Annotations: []Annotation{found(""), orders},
		Panels: []Panel{
			{
				Title: "Nobody has looked", Kind: Stat, Unit: "short", Width: 6, Height: 4, Page: list, Levels: []float64{1, 20},
				Description: "Regressions in the state detected; improvements are not counted here.",
				SQL:         `SELECT count() AS regressions FROM v_regressions WHERE ` + ofSuite + ` AND kind != 'improvement' AND state = 0`,
			},
			{
				Title: "Somebody's work", Kind: Stat, Unit: "short", Width: 6, Height: 4, Page: list, Levels: []float64{10, 50},
				Description: "Regressions that are staged or active.",
				SQL:         `SELECT count() AS regressions FROM v_regressions WHERE ` + ofSuite + ` AND kind != 'improvement' AND state IN (1, 10)`,
			},
			{
				Title: "To be verified", Kind: Stat, Unit: "short", Width: 6, Height: 4, Page: list, Levels: []float64{1, 50},
				Description: "Regressions that the data says are gone, and that somebody should look at.",
				SQL:         `SELECT count() AS regressions FROM v_regressions WHERE ` + ofSuite + ` AND kind != 'improvement' AND state = 23`,
			},
			{
				Title: "Time to the first look", Kind: Stat, Unit: "s", Width: 6, Height: 4, Page: list, Levels: []float64{86400, 604800},
				Description: "Median time from a regression's opening to the first event that a person made of it, over those looked at in the time shown.",
				SQL: `
		SELECT median(dateDiff('second', opened_at, looked_at)) AS wait
		FROM
		(
		    SELECT regression_id, min(at) AS opened_at, minIf(at, event_type IN ('regression.triaged', 'regression.merged', 'regression.split', 'regression.deleted')) AS looked_at,
		        countIf(event_type IN ('regression.triaged', 'regression.merged', 'regression.split', 'regression.deleted')) AS looks
		    FROM v_regression_history
		    WHERE ` + ofSuite + `
		    GROUP BY regression_id
		    HAVING looks > 0 AND $__timeFilter(looked_at)
		)`,
			},
			{
				Title: "Opened and decided", Kind: TimeSeries, Unit: "short", Width: 12, Height: 8, Drawn: "bars", Page: list,
				Description: "Regressions by what happened to them for the first time in each stretch: opened, or put into a state in which nobody has to work on them.",
				SQL: `
		SELECT time, what, count() AS regressions
		FROM
		(
		    SELECT $__timeInterval(opened_at) AS time, 'opened' AS what, regression_id
		    FROM (SELECT regression_id, min(at) AS opened_at FROM v_regression_history WHERE ` + ofSuite + ` GROUP BY regression_id)
		    WHERE $__timeFilter(opened_at)
		    UNION ALL
		    SELECT $__timeInterval(decided_at) AS time, 'decided' AS what, regression_id
		    FROM (SELECT regression_id, min(at) AS decided_at FROM v_regression_history WHERE ` + ofSuite + ` AND state IN (20, 21, 22) GROUP BY regression_id)
		    WHERE $__timeFilter(decided_at)
		)
		GROUP BY time, what
		ORDER BY time, what`,
			},
			{
				Title: "States", Kind: Bars, Unit: "short", Width: 12, Height: 8, Page: list,
				Description: "All regressions that were not deleted, by their state now.",
				SQL: `
		SELECT ` + stateName + ` AS state_name, count() AS regressions
		FROM v_regressions
		WHERE ` + ofSuite + `
		GROUP BY state, state_name
		ORDER BY state`,
			},
			{
				Title: "Open, largest first", Kind: Table, Unit: "none", Width: 24, Height: 11, Page: list,
				Description: "Every open regression with the sum of |ln(after / before)| over its changes, its largest change, and how many tests and machines have it.",
				Units: map[string]string{
					"total": "percentunit", "largest": "percentunit", "tests": "short", "machines": "short", "changed": "dateTimeFromNow",
				},
				Pages: one,
				SQL: `
		SELECT r.regression_id AS regression_id, r.title AS title, ` + stateName + ` AS state_name, r.owner AS owner, e.total_effect AS total, e.largest_effect AS largest,
		    e.tests AS tests, e.machines AS machines, arrayStringConcat(e.metric_names, ', ') AS metrics, r.bug AS bug, r.changed_at AS changed
		FROM v_regressions AS r
		INNER JOIN v_regression_effects AS e ON e.database = r.database AND e.suite = r.suite AND e.regression_id = r.regression_id
		WHERE r.database = ${database:singlequote} AND r.suite = ${suite:singlequote} AND r.state IN (0, 1, 10, 23) AND r.kind != 'improvement'
		ORDER BY e.total_effect DESC, r.regression_id
		LIMIT 200`,
			},
			{
				Title: "What was done", Kind: Table, Unit: "none", Width: 24, Height: 10, Page: list,
				Description: "Every step of every regression in the time shown, with who did it and what it was left as.",
				Units:       map[string]string{"when": "dateTimeAsIso"}, Pages: one,
				SQL: `
		SELECT at AS when, event_type AS step, actor, regression_id, title, ` + stateName + ` AS state_name, owner, note
		FROM v_regression_history
		WHERE ` + ofSuite + ` AND $__timeFilter(at)
		ORDER BY at DESC, seq DESC, regression_id
		LIMIT 200`,
			},
		},
	}
}
