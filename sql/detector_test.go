package sql

import (
	"errors"
	"strings"
	"testing"
)

const goodDetector = `-- name: sample
-- purpose: does it change?
-- detector: sample
-- version: 3
-- params: t Float64, least UInt16, most UInt16, kind String, explain UInt8
-- param t: 7 [0, 1000] how sure, in standard errors
-- param least: 12 [1, 100] orders
-- param most: 24 [1, 100] orders
-- param kind: mean {mean|median} what is compared
-- rule: least <= most
-- preset coarse: t=3 least=6 kind=median for series of few orders
-- reach: 2*most
-- source: made up: for this test
-- misses: everything
--
-- Free text: with a colon.
WITH judged AS (SELECT *, {t:Float64} + {least:UInt16} + {most:UInt16} AS x, {kind:String} FROM points)
SELECT * FROM judged WHERE {explain:UInt8} = 1
`

func parsed(t *testing.T, text string) (SeriesDetector, error) {
	t.Helper()
	return ParseSeriesDetector(parse("sample", text))
}

func TestParseSeriesDetector_WholeHeader_IsRead(t *testing.T) {
	t.Parallel()
	d, err := parsed(t, goodDetector)
	if err != nil {
		t.Fatal(err)
	}
	if d.Version != 3 || d.Reach != "2*most" || d.Source != "made up: for this test" || d.Misses != "everything" {
		t.Errorf("got %+v", d)
	}
	if len(d.Tunables) != 4 || len(d.Rules) != 1 || len(d.Presets) != 1 {
		t.Fatalf("%d parameters, %d rules, %d presets", len(d.Tunables), len(d.Rules), len(d.Presets))
	}
	if p := d.Tunables[0]; p.Name != "t" || p.Type != "Float64" || p.Default != "7" || p.Max != 1000 || p.Help != "how sure, in standard errors" || p.Whole() {
		t.Errorf("t is %+v", p)
	}
	if p := d.Tunables[3]; p.Range() != "mean|median" || p.Default != "mean" {
		t.Errorf("kind is %+v", p)
	}
	if p := d.Presets[0]; p.Name != "coarse" || len(p.Values) != 3 || p.Values["least"] != "6" || p.Help != "for series of few orders" {
		t.Errorf("preset is %+v", p)
	}
}

func TestParseSeriesDetector_BadHeader_SaysWhat(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ old, new, want string }{
		"no version":           {"-- version: 3\n", "", "version"},
		"version zero":         {"version: 3", "version: 0", "version"},
		"no reach":             {"-- reach: 2*most\n", "", "no reach"},
		"no misses":            {"-- misses: everything\n", "", "no misses"},
		"no source":            {"-- source: made up: for this test\n", "", "no source"},
		"another's name":       {"detector: sample", "detector: other", "must both be sample"},
		"default out of range": {"t: 7 [", "t: 7000 [", "within [0, 1000]"},
		"default not whole":    {"least: 12", "least: 1.5", "not a whole number"},
		"default no choice":    {"mean {mean|", "mode {mean|", "must be one of mean, median"},
		"no range":             {"7 [0, 1000] how", "7 how", "neither"},
		"range of words":       {"[0, 1000]", "[a, b]", "range"},
		"no help":              {"] how sure, in standard errors", "]", "meaning"},
		"twice":                {"-- param least", "-- param t: 7 [0, 1] x\n-- param least", "stands twice"},
		"param not used":       {"-- param least", "-- param other: 1 [0, 1] x\n-- param least", "does not use"},
		"param not declared":   {"-- param t: 7 [0, 1000] how sure, in standard errors\n", "", "the text uses"},
		"defaults against rule": {
			"least: 12", "least: 30", "must not be above",
		},
		"preset out of range":     {"t=3", "t=-1", "preset coarse"},
		"preset of unknown":       {"t=3", "u=3", "no parameter"},
		"preset against rule":     {"least=6", "least=60", "preset coarse"},
		"preset of nothing":       {"t=3 least=6 kind=median", "", "sets nothing"},
		"rule of unknown":         {"least <= most", "least <= more", "no such parameters"},
		"begins otherwise":        {"WITH judged", "SELECT 1; WITH judged", "does not begin with WITH"},
		"reads something else":    {"FROM points", "FROM pints", "does not read points"},
		"no explain":              {" WHERE {explain:UInt8} = 1", "", "the text uses"},
		"choices of a number":     {"7 [0, 1000]", "7 {7|8}", "choices are for String"},
		"a range of texts":        {"mean {mean|median}", "1 [0, 2]", "needs choices"},
		"not a number by default": {"t: 7 [", "t: nan [", "not a number"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := strings.Replace(goodDetector, c.old, c.new, 1)
			if text == goodDetector {
				t.Fatal("the case changes nothing")
			}
			_, err := parsed(t, text)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want something with %q", err, c.want)
			}
		})
	}
}

func TestSeriesDetectors_OneFileWithAnError_LeavesTheOthers(t *testing.T) {
	t.Parallel()
	good, bad := seriesDetectors([]File{
		parse("broken", "-- name: broken\n-- detector: broken\nSELECT 1"),
		parse("sample", goodDetector),
		parse("lnt_compare", "-- name: lnt_compare\n-- detector: lnt\nSELECT 1"),
	})
	if len(good) != 1 || good[0].Name != "sample" {
		t.Errorf("usable: %+v", good)
	}
	var broken *FileError
	if len(bad) != 1 || !errors.As(error(bad[0]), &broken) || broken.Name != "broken" || !strings.Contains(broken.Error(), "sql/detectors/broken.sql") {
		t.Errorf("unusable: %v", bad)
	}
}

func TestSeriesDetectors_AllFiles_CanBeUsed(t *testing.T) {
	t.Parallel()
	good, bad := SeriesDetectors()
	for _, err := range bad {
		t.Error(err)
	}
	if len(good) == 0 {
		t.Error("there are none")
	}
}

func TestCompose_PutsThePointsFirst_AndLeavesTheRest(t *testing.T) {
	t.Parallel()
	d, err := parsed(t, goodDetector)
	if err != nil {
		t.Fatal(err)
	}
	got := d.Compose("SELECT $1, 2 -- not a group")
	want := "WITH points AS\n(\nSELECT $1, 2 -- not a group\n),\njudged AS (SELECT"
	if !strings.Contains(got.Text, want) || !strings.HasPrefix(got.Text, "-- name: sample\n") || !strings.HasSuffix(got.Text, "= 1\n") {
		t.Errorf("got:\n%s", got.Text)
	}
	if d.Text != goodDetector {
		t.Error("the detector itself was changed")
	}
}

func TestTunableCheck_AtTheBounds_IsAccepted(t *testing.T) {
	t.Parallel()
	whole := Tunable{Name: "n", Type: "UInt16", Min: 1, Max: 10}
	fraction := Tunable{Name: "x", Type: "Float64", Min: -0.5, Max: 0.5}
	for _, c := range []struct {
		tunable Tunable
		value   string
		good    bool
	}{
		{whole, "1", true},
		{whole, "10", true},
		{whole, "0", false},
		{whole, "11", false},
		{whole, "1.0", false},
		{whole, "1e0", false},
		{whole, "", false},
		{whole, "-1", false},
		{whole, " 1", false},
		{fraction, "0.5", true},
		{fraction, "-0.5", true},
		{fraction, "5e-1", true},
		{fraction, "0.5000001", false},
		{fraction, "inf", false},
		{fraction, "NaN", false},
		{fraction, "a", false},
	} {
		if err := c.tunable.Check(c.value); (err == nil) != c.good {
			t.Errorf("%s=%q: %v", c.tunable.Name, c.value, err)
		}
	}
}

func FuzzParseSeriesDetector(f *testing.F) {
	f.Add(goodDetector)
	f.Add("-- param t: 7 [0, 1000] x\nWITH a AS (SELECT * FROM points) SELECT {t:Float64}")
	f.Add("-- preset a:\n-- rule: a <=\n--")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseSeriesDetector(parse("sample", text))
		if err != nil {
			return
		}
		for _, p := range d.Tunables {
			if err := p.Check(p.Default); err != nil {
				t.Errorf("accepted with a default that is not: %v", err)
			}
		}
		if composed := d.Compose("SELECT 1").Text; !strings.Contains(composed, "WITH points AS\n(\nSELECT 1\n),\n") {
			t.Errorf("points are not there:\n%s", composed)
		}
	})
}
