package dashboards

// root is where the pages are; an operator changes its text once, or gives ?var-root= in links.
var root = Variable{Name: "root", Label: "Tidemark", Text: "http://127.0.0.1:8080", Fixed: true}

var database = Variable{Name: "database", Label: "Database", SQL: `SELECT DISTINCT database FROM v_suites ORDER BY database`}

var suite = Variable{Name: "suite", Label: "Suite", SQL: `
		SELECT DISTINCT suite
		FROM v_suites
		WHERE database = ${database:singlequote}
		ORDER BY suite`}

var machines = Variable{Name: "machine", Label: "Machine", Many: true, SQL: `
		SELECT toString(machine_id) AS value, name AS text
		FROM v_machines
		WHERE database = ${database:singlequote} AND suite = ${suite:singlequote}
		ORDER BY name, machine_id`}

var metric = Variable{Name: "metric", Label: "Metric", SQL: `
		SELECT metric
		FROM v_metrics
		WHERE database = ${database:singlequote} AND suite = ${suite:singlequote} AND type = 'Real'
		ORDER BY metric != 'execution_time', field`}

// find narrows the tests to choose from: there may be a million.
var find = Variable{Name: "find", Label: "Tests with"}

var tests = Variable{Name: "test", Label: "Test", Many: true, SQL: `
		SELECT toString(test_id) AS value, name AS text
		FROM v_tests
		WHERE database = ${database:singlequote} AND suite = ${suite:singlequote}
			AND positionCaseInsensitiveUTF8(name, ${find:singlequote}) > 0
		ORDER BY name, test_id
		LIMIT 500`}

// The page of a suite, and that of one of its series.
const (
	suitePage  = "db_${database}/v4/${suite}/"
	seriesPage = suitePage + `graph?plot.0=${__data.fields["machine_id"]}.${__data.fields["test_id"]}.${__data.fields["field"]}`
	runPage    = suitePage + `${__data.fields["run_id"]}`
	// machinePage is that of the row's machine.
	machinePage = suitePage + `machine/${__data.fields["machine_id"]}`
)

// found marks the orders at which series of the machines chosen changed.
func found(where string) Annotation {
	return Annotation{Name: "Findings", Colour: "red", SQL: `
		SELECT
			t.start_at AS time,
			concat(f.test, ' on ', f.machine, ': ', f.metric, ' ', if(f.effect > 0, '+', ''), toString(round(f.effect * 100, 2)), ' % at ', f.order_name) AS text,
			f.kind AS tags
		FROM v_findings AS f
		INNER JOIN v_order_times AS t
			ON t.database = f.database AND t.suite = f.suite AND t.machine_id = f.machine_id AND t.order_id = f.order_id
		WHERE f.database = ${database:singlequote} AND f.suite = ${suite:singlequote}
			AND t.database = ${database:singlequote} AND t.suite = ${suite:singlequote}
			AND $__timeFilter(t.start_at)` + where + `
		ORDER BY abs(f.effect) DESC
		LIMIT 200`}
}

// orders marks when each order was first measured.
var orders = Annotation{Name: "Orders", Colour: "blue", Off: true, SQL: `
		SELECT min(start_at) AS time, concat('order ', order_name) AS text, 'order' AS tags
		FROM v_order_times
		WHERE database = ${database:singlequote} AND suite = ${suite:singlequote}
		GROUP BY order_name, sort_key
		HAVING $__timeFilter(time)
		ORDER BY sort_key DESC
		LIMIT 500`}
