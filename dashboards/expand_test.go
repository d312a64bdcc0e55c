package dashboards_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// asked is a query as somebody looks at it: the time on the clock above the panels, the resolution of a panel, what is chosen.
type asked struct {
	from, to time.Time
	interval time.Duration
	chosen   map[string][]string
	// all are the variables of which everything is chosen.
	all []string
}

var (
	reference = regexp.MustCompile(`\$\{(\w+)(?::(\w+))?\}|\$(\w+)`)
	macroName = regexp.MustCompile(`\$__(\w+)`)
)

// expand gives the text that the data source sends: the plugin's frontend decides $__conditionalAll, Grafana fills in the
// variables, the plugin's backend the macros of time. An unknown macro or variable is an error, as is text in a variable that has
// no format: it would be a way to write SQL.
func (a asked) expand(t *testing.T, sql string) string {
	t.Helper()
	for {
		at := strings.Index(sql, "$__conditionalAll(")
		if at < 0 {
			break
		}
		arguments, end := argumentsAt(t, sql, at+len("$__conditionalAll"))
		if len(arguments) != 2 || !regexp.MustCompile(`^\$\w+$`).MatchString(arguments[1]) {
			t.Fatalf("$__conditionalAll takes a condition and a plain variable, not %q", arguments)
		}
		name, with := arguments[1][1:], arguments[0]
		if slices.Contains(a.all, name) || len(a.chosen[name]) == 0 {
			with = "1=1"
		}
		sql = sql[:at] + with + sql[end:]
	}
	sql = reference.ReplaceAllStringFunc(sql, func(whole string) string {
		m := reference.FindStringSubmatch(whole)
		if strings.HasPrefix(m[3], "__") {
			return whole
		}
		if m[3] != "" {
			t.Fatalf("%s has no format", whole)
		}
		values, ok := a.chosen[m[1]]
		if !ok {
			t.Fatalf("no variable %s", m[1])
		}
		return formatted(t, values, m[2])
	})
	for {
		at := macroName.FindStringSubmatchIndex(sql)
		if at == nil {
			return sql
		}
		name, end, arguments := sql[at[2]:at[3]], at[1], []string(nil)
		if end < len(sql) && sql[end] == '(' {
			arguments, end = argumentsAt(t, sql, end)
		}
		sql = sql[:at[0]] + a.macro(t, name, arguments) + sql[end:]
	}
}

// formatted is a variable's text in a query.
func formatted(t *testing.T, values []string, format string) string {
	t.Helper()
	switch format {
	case "csv":
		for _, v := range values {
			if !regexp.MustCompile(`^\d+$`).MatchString(v) {
				t.Fatalf("%q is not a number, and csv does not quote it", v)
			}
		}
		return strings.Join(values, ",")
	case "singlequote":
		quoted := slices.Clone(values)
		for i, v := range quoted {
			quoted[i] = "'" + strings.ReplaceAll(v, "'", `\'`) + "'"
		}
		return strings.Join(quoted, ",")
	default:
		t.Fatalf("format %q is not for SQL", format)
		return ""
	}
}

// macro is what the plugin's backend makes of a macro.
func (a asked) macro(t *testing.T, name string, arguments []string) string {
	t.Helper()
	seconds := func(at time.Time) string { return fmt.Sprintf("toDateTime(%d)", at.Unix()) }
	millis := func(at time.Time) string { return fmt.Sprintf("fromUnixTimestamp64Milli(%d)", at.UnixMilli()) }
	day := func(at time.Time) string { return fmt.Sprintf("toDate('%s')", at.Format(time.DateOnly)) }
	between := func(column string, form func(time.Time) string) string {
		return fmt.Sprintf("%s >= %s AND %s <= %s", column, form(a.from), column, form(a.to))
	}
	wants := map[string]int{"timeFilter": 1, "timeFilter_ms": 1, "dateFilter": 1, "dateTimeFilter": 2, "dt": 2, "timeInterval": 1, "timeInterval_ms": 1}
	if len(arguments) != wants[name] {
		t.Fatalf("$__%s takes %d arguments, not %q", name, wants[name], arguments)
	}
	switch name {
	case "fromTime":
		return seconds(a.from)
	case "toTime":
		return seconds(a.to)
	case "fromTime_ms":
		return millis(a.from)
	case "toTime_ms":
		return millis(a.to)
	case "timeFilter":
		return between(arguments[0], seconds)
	case "timeFilter_ms":
		return between(arguments[0], millis)
	case "dateFilter":
		return between(arguments[0], day)
	case "dateTimeFilter", "dt":
		return "(" + between(arguments[0], day) + ") AND (" + between(arguments[1], seconds) + ")"
	case "timeInterval":
		return fmt.Sprintf("toStartOfInterval(toDateTime(%s), INTERVAL %d second)", arguments[0], max(int(a.interval.Seconds()), 1))
	case "timeInterval_ms":
		return fmt.Sprintf("toStartOfInterval(toDateTime64(%s, 3), INTERVAL %d millisecond)", arguments[0], max(a.interval.Milliseconds(), 1))
	case "interval_s":
		return fmt.Sprint(max(int(a.interval.Seconds()), 1))
	default:
		t.Fatalf("the plugin has no macro $__%s", name)
		return ""
	}
}

// argumentsAt are those in the parentheses that open at a place, and the place after them.
func argumentsAt(t *testing.T, sql string, at int) (arguments []string, end int) {
	t.Helper()
	depth, from := 0, at+1
	for i := at; i < len(sql); i++ {
		switch sql[i] {
		case '(':
			depth++
		case ',':
			if depth == 1 {
				arguments, from = append(arguments, strings.TrimSpace(sql[from:i])), i+1
			}
		case ')':
			if depth--; depth == 0 {
				if last := strings.TrimSpace(sql[from:i]); last != "" || len(arguments) > 0 {
					arguments = append(arguments, last)
				}
				return arguments, i + 1
			}
		}
	}
	t.Fatalf("parentheses are not closed in %q", sql[at:])
	return nil, 0
}

func TestExpansion_IsThePlugins(t *testing.T) {
	t.Parallel()
	a := asked{
		from: time.Unix(1_700_000_000, 0).UTC(), to: time.Unix(1_700_003_600, 0).UTC(), interval: 90 * time.Second,
		chosen: map[string][]string{"name": {"it's", "b"}, "id": {"1", "22"}}, all: []string{"every"},
	}
	for in, want := range map[string]string{
		"x IN (${name:singlequote})":                         `x IN ('it\'s','b')`,
		"x IN (${id:csv})":                                   "x IN (1,22)",
		"$__timeFilter(t.at)":                                "t.at >= toDateTime(1700000000) AND t.at <= toDateTime(1700003600)",
		"$__timeFilter_ms(at)":                               "at >= fromUnixTimestamp64Milli(1700000000000) AND at <= fromUnixTimestamp64Milli(1700003600000)",
		"$__timeInterval(at) AS time":                        "toStartOfInterval(toDateTime(at), INTERVAL 90 second) AS time",
		"$__fromTime, $__toTime":                             "toDateTime(1700000000), toDateTime(1700003600)",
		"$__interval_s":                                      "90",
		"$__conditionalAll(id IN (${id:csv}), $id)":          "id IN (1,22)",
		"$__conditionalAll(name IN (${id:csv}), $every) AND": "1=1 AND",
		"$__dateTimeFilter(d, t)":                            "(d >= toDate('2023-11-14') AND d <= toDate('2023-11-14')) AND (t >= toDateTime(1700000000) AND t <= toDateTime(1700003600))",
	} {
		if got := a.expand(t, in); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", in, got, want)
		}
	}
}
