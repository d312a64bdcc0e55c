package dashboards

// stepsOf are the relative steps of each series from one order to its machine's next, by machine and order.
const stepsOf = `
		WITH
		    times AS (
		        SELECT machine_id, machine, order_id, order_name, sort_key, start_at
		        FROM v_order_times
		        WHERE database = ${database:singlequote} AND suite = ${suite:singlequote}
		            AND $__timeFilter(start_at) AND $__conditionalAll(machine_id IN (${machine:csv}), $machine)
		    ),
		    steps AS (
		        SELECT o.machine AS machine, o.start_at AS start_at, s.test_id AS test_id, s.level AS level,
		            lagInFrame(s.level, 1, 0) OVER (PARTITION BY s.machine_id, s.test_id ORDER BY o.sort_key, o.order_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS before,
		            level / before - 1 AS step
		        FROM v_series_levels AS s
		        INNER JOIN times AS o ON o.machine_id = s.machine_id AND o.order_id = s.order_id
		        WHERE s.database = ${database:singlequote} AND s.suite = ${suite:singlequote} AND s.metric = ${metric:singlequote}
		            AND $__conditionalAll(s.machine_id IN (${machine:csv}), $machine)
		    )`

func noiseAndMachines() Dashboard {
	ofSuite := `database = ${database:singlequote} AND suite = ${suite:singlequote}`
	return Dashboard{
		UID: "noise-and-machines", Title: "Noise and machines", From: "now-180d", Refresh: "15m",
		Description: "Which machines report as they should, which disturb what they measure, and which tests are too noisy to be of use.",
		Variables:   []Variable{root, database, suite, machines, metric},
		Annotations: []Annotation{orders},
		Panels: []Panel{
			{
				Title: "Machines", Kind: Table, Unit: "none", Width: 14, Height: 9, Page: suitePage,
				Description: "When each machine last reported, its usual time between runs, and how many of these it has been silent.",
				Units: map[string]string{
					"last_run": "dateTimeFromNow", "usual_gap": "s", "silent_gaps": "short", "runs": "short", "values": "short",
				},
				Pages: map[string]string{"machine": machinePage}, Hidden: []string{"machine_id"},
				SQL: `
		SELECT machine, last_received_at AS last_run, usual_gap_s AS usual_gap,
		    if(usual_gap_s = 0, NULL, dateDiff('second', last_received_at, now64(3, 'UTC')) / usual_gap_s) AS silent_gaps, runs, values, machine_id
		FROM v_machine_activity
		WHERE ` + ofSuite + ` AND $__conditionalAll(machine_id IN (${machine:csv}), $machine)
		ORDER BY silent_gaps DESC NULLS LAST, machine, machine_id`,
			},
			{
				Title: "Missing now", Kind: Table, Unit: "none", Width: 10, Height: 9, Page: suitePage,
				Description: "Machines that stopped reporting, or report less than they did.",
				Units:       map[string]string{"since": "dateTimeFromNow", "expected": "short", "seen": "short"},
				Pages:       map[string]string{"machine": machinePage}, Hidden: []string{"machine_id"},
				SQL: `
		SELECT machine, signal, since, expected, seen, unit, detail, machine_id
		FROM v_signals
		WHERE ` + ofSuite + ` AND $__conditionalAll(machine_id IN (${machine:csv}), $machine)
		ORDER BY since, machine_id`,
			},
			{
				Title: "What all tests of a machine did together", Kind: TimeSeries, Unit: "percentunit", Width: 12, Height: 9, Page: suitePage,
				Description: "Median, over all series of the metric, of the relative step from one order to the next: code moves some tests, a machine moves them all.",
				SQL: stepsOf + `
		SELECT start_at AS time, machine, median(step) AS common_step
		FROM steps
		WHERE before > 0
		GROUP BY time, machine
		HAVING count() >= 5
		ORDER BY time, machine`,
			},
			{
				Title: "Noise of machines", Kind: TimeSeries, Unit: "percentunit", Width: 12, Height: 9, Page: suitePage,
				Description: "Median, over all series of the metric, of the size of the relative step from one order to the next. A machine whose line climbs has got noisier.",
				SQL: stepsOf + `
		SELECT start_at AS time, machine, median(abs(step)) AS usual_step
		FROM steps
		WHERE before > 0
		GROUP BY time, machine
		HAVING count() >= 5
		ORDER BY time, machine`,
			},
			{
				Title: "Noisiest tests", Kind: Bars, Unit: "percentunit", Width: 12, Height: 10, Page: suitePage,
				Description: "Median size of a test's relative steps from order to order, over the machines chosen: a change must be several times as large to be seen.",
				SQL: stepsOf + `
		SELECT t.name AS test, median(abs(s.step)) AS usual_step
		FROM steps AS s
		INNER JOIN (SELECT test_id, name FROM v_tests WHERE ` + ofSuite + `) AS t ON t.test_id = s.test_id
		WHERE s.before > 0
		GROUP BY s.test_id, t.name
		HAVING count() >= 5
		ORDER BY usual_step DESC, test
		LIMIT 25`,
			},
			{
				Title: "Failed tests", Kind: TimeSeries, Unit: "short", Width: 12, Height: 10, Drawn: "bars", Page: suitePage,
				Description: "Tests that failed at an order, by what a status metric says: whatever the metric chosen.",
				SQL: `
		WITH times AS (
		    SELECT machine_id, machine, order_id, start_at
		    FROM v_order_times
		    WHERE ` + ofSuite + ` AND $__timeFilter(start_at) AND $__conditionalAll(machine_id IN (${machine:csv}), $machine)
		)
		SELECT o.start_at AS time, o.machine AS machine, uniqExact(s.test_id) AS tests
		FROM v_sample_texts AS s
		INNER JOIN times AS o ON o.machine_id = s.machine_id AND o.order_id = s.order_id
		WHERE s.database = ${database:singlequote} AND s.suite = ${suite:singlequote} AND s.value = '1'
		    AND s.metric IN (SELECT metric FROM v_metrics WHERE ` + ofSuite + ` AND type = 'Status')
		    AND $__conditionalAll(s.machine_id IN (${machine:csv}), $machine)
		GROUP BY time, machine
		ORDER BY time, machine`,
			},
		},
	}
}
