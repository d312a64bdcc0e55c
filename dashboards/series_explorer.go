package dashboards

// chosen is the condition of the series that are chosen; it reads them by the key of the samples.
const chosen = `database = ${database:singlequote} AND suite = ${suite:singlequote} AND metric = ${metric:singlequote}
		        AND $__conditionalAll(machine_id IN (${machine:csv}), $machine)
		        AND $__conditionalAll(test_id IN (${test:csv}), $test)`

// chosenLevels are their levels with names and times, for at most 50 series.
const chosenLevels = `
		WITH
		    names AS (
		        SELECT machine_id, name FROM v_machines WHERE database = ${database:singlequote} AND suite = ${suite:singlequote}
		    ),
		    tests AS (
		        SELECT test_id, name
		        FROM v_tests
		        WHERE database = ${database:singlequote} AND suite = ${suite:singlequote}
		            AND positionCaseInsensitiveUTF8(name, ${find:singlequote}) > 0
		            AND $__conditionalAll(test_id IN (${test:csv}), $test)
		        ORDER BY name, test_id
		        LIMIT 20
		    ),
		    times AS (
		        SELECT machine_id, order_id, order_name, sort_key, start_at
		        FROM v_order_times
		        WHERE database = ${database:singlequote} AND suite = ${suite:singlequote} AND $__timeFilter(start_at)
		    ),
		    levels AS (
		        SELECT s.machine_id AS machine_id, s.test_id AS test_id, n.name AS machine, t.name AS test, o.order_name AS order_name, o.sort_key AS sort_key,
		            o.start_at AS start_at, s.order_id AS order_id, s.level AS level, s.lowest AS lowest, s.highest AS highest, s.samples AS samples
		        FROM (SELECT * FROM v_series_levels WHERE ` + chosen + `
		            AND test_id IN (SELECT test_id FROM tests)) AS s
		        INNER JOIN times AS o ON o.machine_id = s.machine_id AND o.order_id = s.order_id
		        INNER JOIN names AS n ON n.machine_id = s.machine_id
		        INNER JOIN tests AS t ON t.test_id = s.test_id
		    )`

func seriesExplorer() Dashboard {
	graph := suitePage + "graph"
	return Dashboard{
		UID: "series-explorer", Title: "Series explorer", From: "now-1y", Refresh: "",
		Description: "One metric of chosen tests on chosen machines, order by order. Without a choice of tests: the first twenty.",
		Variables:   []Variable{root, database, suite, machines, metric, find, tests},
		Annotations: []Annotation{
			found(` AND f.metric = ${metric:singlequote}
		    AND $__conditionalAll(f.machine_id IN (${machine:csv}), $machine)
		    AND $__conditionalAll(f.test_id IN (${test:csv}), $test)`), orders,
		},
		Panels: []Panel{
			{
				Title: "Levels", Kind: TimeSeries, Unit: "short", Width: 24, Height: 11, Page: graph,
				Description: "The median of an order's samples that did not fail, in the metric's unit, at the time at which the order was first measured.",
				SQL: chosenLevels + `
		SELECT start_at AS time, concat(test, ' on ', machine) AS series, level
		FROM levels
		ORDER BY time, series`,
			},
			{
				Title: "Change since the first order shown", Kind: TimeSeries, Unit: "percentunit", Width: 12, Height: 9, Page: graph,
				Description: "Each level relative to the series' first in the time shown, less one: series of different size in one picture.",
				SQL: chosenLevels + `
		SELECT start_at AS time, concat(test, ' on ', machine) AS series,
		    level / first_value(level) OVER (PARTITION BY machine_id, test_id ORDER BY sort_key, order_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - 1 AS change
		FROM levels
		WHERE level != 0
		ORDER BY time, series`,
			},
			{
				Title: "Spread within orders", Kind: TimeSeries, Unit: "percentunit", Width: 12, Height: 9, Drawn: "points", Page: graph,
				Description: "Largest less smallest sample of an order, relative to its level: how far to trust one order.",
				SQL: chosenLevels + `
		SELECT start_at AS time, concat(test, ' on ', machine) AS series, (highest - lowest) / abs(level) AS spread
		FROM levels
		WHERE level != 0 AND samples > 1
		ORDER BY time, series`,
			},
			{
				Title: "Newest orders", Kind: Table, Unit: "none", Width: 12, Height: 10, Page: graph,
				Description: "The newest level of each series beside the one before.",
				Units:       map[string]string{"level": "short", "before": "short", "change": "percentunit", "measured": "dateTimeAsIso", "samples": "short"},
				Pages:       map[string]string{"test": seriesPage, "machine": machinePage}, Hidden: []string{"machine_id", "test_id", "field"},
				SQL: chosenLevels + `,
		    pairs AS (
		        SELECT *,
		            lagInFrame(level, 1, nan) OVER (PARTITION BY machine_id, test_id ORDER BY sort_key, order_id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS before,
		            row_number() OVER (PARTITION BY machine_id, test_id ORDER BY sort_key DESC, order_id DESC) AS age
		        FROM levels
		    )
		SELECT test, machine, order_name, level, ifNotFinite(before, NULL) AS before, if(before IS NULL OR before = 0, NULL, level / before - 1) AS change,
		    samples, start_at AS measured, machine_id, test_id,
		    (SELECT any(field) FROM v_metrics WHERE database = ${database:singlequote} AND suite = ${suite:singlequote} AND metric = ${metric:singlequote}) AS field
		FROM pairs
		WHERE age = 1
		ORDER BY test, machine`,
			},
			{
				Title: "Findings of these series", Kind: Table, Unit: "none", Width: 12, Height: 10, Page: suitePage + "findings",
				Description: "Change points that stand, newest order first. The p-value is that of the detector.",
				Units: map[string]string{
					"change": "percentunit", "before": "short", "after": "short", "p_value": "sci", "found": "dateTimeAsIso",
				},
				Pages: map[string]string{"test": seriesPage, "machine": machinePage}, Hidden: []string{"machine_id", "test_id", "field"},
				SQL: `
		SELECT f.test AS test, f.machine AS machine, f.order_name AS order_name, f.effect AS change, f.before AS before, f.after AS after,
		    f.p_value AS p_value, f.detector AS detector, f.found_at AS found, f.machine_id AS machine_id, f.test_id AS test_id, m.field AS field
		FROM v_findings AS f
		INNER JOIN v_metrics AS m ON m.database = f.database AND m.suite = f.suite AND m.metric = f.metric
		WHERE f.database = ${database:singlequote} AND f.suite = ${suite:singlequote} AND f.metric = ${metric:singlequote}
		    AND $__conditionalAll(f.machine_id IN (${machine:csv}), $machine)
		    AND $__conditionalAll(f.test_id IN (${test:csv}), $test)
		    AND positionCaseInsensitiveUTF8(f.test, ${find:singlequote}) > 0
		ORDER BY f.sort_key DESC, f.change_id
		LIMIT 200`,
			},
		},
	}
}
