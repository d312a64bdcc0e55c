package dashboards

func suiteOverview() Dashboard {
	return Dashboard{
		UID: "suite-overview", Title: "Suite overview", From: "now-1y", Refresh: "5m",
		Description: "What a suite holds, what came lately, and what moved most.",
		Variables:   []Variable{root, database, suite, metric},
		Annotations: []Annotation{found(" AND f.metric = ${metric:singlequote}"), orders},
		Panels: []Panel{
			{
				Title: "Machines", Kind: Stat, Unit: "short", Width: 4, Height: 4, Page: suitePage,
				Description: "Machines of the suite that were not deleted or merged into another.",
				SQL:         `SELECT count() AS machines FROM v_machines WHERE database = ${database:singlequote} AND suite = ${suite:singlequote}`,
			},
			{
				Title: "Tests", Kind: Stat, Unit: "short", Width: 4, Height: 4, Page: suitePage,
				Description: "Tests that have ever been measured.",
				SQL:         `SELECT count() AS tests FROM v_tests WHERE database = ${database:singlequote} AND suite = ${suite:singlequote}`,
			},
			{
				Title: "Runs", Kind: Stat, Unit: "short", Width: 4, Height: 4, Page: suitePage,
				Description: "Runs measured in the time shown; one that was replaced counts once.",
				SQL: `
		SELECT count() AS runs
		FROM v_runs
		WHERE database = ${database:singlequote} AND suite = ${suite:singlequote} AND $__timeFilter(start_at)`,
			},
			{
				Title: "Values", Kind: Stat, Unit: "short", Width: 4, Height: 4, Page: suitePage,
				Description: "Values of all metrics in the runs of the time shown.",
				SQL: `
		SELECT sum(sample_count) AS values
		FROM v_runs
		WHERE database = ${database:singlequote} AND suite = ${suite:singlequote} AND $__timeFilter(start_at)`,
			},
			{
				Title: "Open regressions", Kind: Stat, Unit: "short", Width: 4, Height: 4, Page: suitePage + "findings", Levels: []float64{1, 20},
				Description: "Regressions that are detected, staged, active or to be verified.",
				SQL: `
		SELECT count() AS regressions
		FROM v_regressions
		WHERE database = ${database:singlequote} AND suite = ${suite:singlequote} AND kind != 'improvement' AND state IN (0, 1, 10, 23)`,
			},
			{
				Title: "Newest run", Kind: Stat, Unit: "s", Width: 4, Height: 4, Page: suitePage, Levels: []float64{86400, 604800},
				Description: "Time since a run was last received.",
				SQL: `
		SELECT dateDiff('second', max(received_at), now64(3, 'UTC')) AS since
		FROM v_runs
		WHERE database = ${database:singlequote} AND suite = ${suite:singlequote}`,
			},
			{
				Title: "Level of all tests", Kind: TimeSeries, Unit: "percentunit", Width: 24, Height: 9, Page: suitePage + "graph",
				Description: "Per machine and order: the geometric mean, over the tests measured, of the level relative to the test's first in the time shown, less one. Tests that come or go do not move it by their size.",
				SQL: `
		WITH
		    orders AS (
		        SELECT machine_id, machine, order_id, sort_key, start_at
		        FROM v_order_times
		        WHERE database = ${database:singlequote} AND suite = ${suite:singlequote} AND $__timeFilter(start_at)
		    ),
		    levels AS (
		        SELECT o.machine AS machine, o.start_at AS start_at, s.level AS level,
		            first_value(s.level) OVER (PARTITION BY s.machine_id, s.test_id ORDER BY o.sort_key, o.order_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS first
		        FROM v_series_levels AS s
		        INNER JOIN orders AS o ON o.machine_id = s.machine_id AND o.order_id = s.order_id
		        WHERE s.database = ${database:singlequote} AND s.suite = ${suite:singlequote} AND s.metric = ${metric:singlequote} AND s.level > 0
		    )
		SELECT start_at AS time, machine, exp(avg(log(level / first))) - 1 AS change
		FROM levels
		GROUP BY time, machine
		ORDER BY time, machine`,
			},
			{
				Title: "Runs received", Kind: TimeSeries, Unit: "short", Width: 12, Height: 8, Drawn: "bars", Page: suitePage,
				Description: "Runs by machine, at the time at which they came.",
				SQL: `
		SELECT $__timeInterval(r.received_at) AS time, m.name AS machine, count() AS runs
		FROM v_runs AS r
		INNER JOIN v_machines AS m ON m.database = r.database AND m.suite = r.suite AND m.machine_id = r.machine_id
		WHERE r.database = ${database:singlequote} AND r.suite = ${suite:singlequote} AND $__timeFilter(r.received_at)
		GROUP BY time, machine
		ORDER BY time, machine`,
			},
			{
				Title: "Findings", Kind: TimeSeries, Unit: "short", Width: 12, Height: 8, Drawn: "bars", Page: suitePage + "findings",
				Description: "Change points that stand, at the time at which their order was first measured on their machine.",
				SQL: `
		SELECT $__timeInterval(t.start_at) AS time, f.kind AS kind, count() AS findings
		FROM v_findings AS f
		INNER JOIN v_order_times AS t
		    ON t.database = f.database AND t.suite = f.suite AND t.machine_id = f.machine_id AND t.order_id = f.order_id
		WHERE f.database = ${database:singlequote} AND f.suite = ${suite:singlequote}
		    AND t.database = ${database:singlequote} AND t.suite = ${suite:singlequote} AND $__timeFilter(t.start_at)
		GROUP BY time, kind
		ORDER BY time, kind`,
			},
			{
				Title: "Largest changes", Kind: Table, Unit: "none", Width: 14, Height: 10, Page: suitePage + "findings",
				Description: "The findings of the time shown that moved their series most. A click on the test leads to its chart.",
				Units:       map[string]string{"change": "percentunit", "before": "short", "after": "short", "measured": "dateTimeAsIso"},
				Pages:       map[string]string{"test": seriesPage, "machine": machinePage}, Hidden: []string{"machine_id", "test_id", "field"},
				SQL: `
		SELECT f.test AS test, f.machine AS machine, f.metric AS metric, f.effect AS change, f.before AS before, f.after AS after,
		    f.order_name AS order_name, t.start_at AS measured, f.machine_id AS machine_id, f.test_id AS test_id, m.field AS field
		FROM v_findings AS f
		INNER JOIN v_order_times AS t
		    ON t.database = f.database AND t.suite = f.suite AND t.machine_id = f.machine_id AND t.order_id = f.order_id
		INNER JOIN v_metrics AS m ON m.database = f.database AND m.suite = f.suite AND m.metric = f.metric
		WHERE f.database = ${database:singlequote} AND f.suite = ${suite:singlequote}
		    AND t.database = ${database:singlequote} AND t.suite = ${suite:singlequote} AND $__timeFilter(t.start_at)
		ORDER BY abs(f.effect) DESC, f.change_id
		LIMIT 50`,
			},
			{
				Title: "Newest runs", Kind: Table, Unit: "none", Width: 10, Height: 10, Page: suitePage,
				Description: "The runs received last.",
				Units:       map[string]string{"received": "dateTimeFromNow", "values": "short"},
				Pages:       map[string]string{"run_id": runPage, "machine": machinePage}, Hidden: []string{"machine_id"},
				SQL: `
		SELECT r.run_id AS run_id, m.name AS machine, o.name AS order_name, r.sample_count AS values, r.received_at AS received, r.machine_id AS machine_id
		FROM v_runs AS r
		INNER JOIN v_machines AS m ON m.database = r.database AND m.suite = r.suite AND m.machine_id = r.machine_id
		INNER JOIN v_orders AS o ON o.database = r.database AND o.suite = r.suite AND o.order_id = r.order_id
		WHERE r.database = ${database:singlequote} AND r.suite = ${suite:singlequote}
		ORDER BY r.received_at DESC, r.run_id DESC
		LIMIT 50`,
			},
		},
	}
}
