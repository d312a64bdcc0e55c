package web

import (
	"bytes"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"tidemark/pkg/suite"
)

func TestAssets_ChartLibraryIsFetched(t *testing.T) {
	t.Parallel()
	found, err := loadAssets(embedded)
	if err != nil {
		t.Fatal(err)
	}
	if !found.HasChart() {
		t.Errorf("static/%s is missing, so pages have no chart: run services/web/fetch-assets.sh", chartScript)
	}
}

func TestAssets_WithoutTheChartLibrary_TheGraphPageSaysSo(t *testing.T) {
	t.Parallel()
	found, err := loadAssets(fstest.MapFS{
		"static/app.css": {Data: []byte("body{}")}, "static/icon.svg": {Data: []byte("<svg/>")}, "static/graph.js": {Data: []byte("1")}, "static/search.js": {Data: []byte("1")},
	})
	if err != nil {
		t.Fatal(err)
	}
	pages, err := parseTemplates(found)
	if err != nil {
		t.Fatal(err)
	}
	v := view{Title: "x", L: newLinks("http://h/"), Database: "d", Suite: "nts", Section: "graph", Chart: true, Now: time.Unix(1e9, 0), Body: graphBody{
		Lines: []line{{Plot: plot{1, 1, 0}, Machine: "m", Test: "t", Metric: suite.Metric{Name: "x"}}}, AsTable: "/table", Panels: make([]panel, 1),
	}}
	var out bytes.Buffer
	if err := pages["graph"].Execute(&out, v); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "built without its chart library") || strings.Contains(out.String(), "uPlot") {
		t.Errorf("the page does not say that the chart is missing:\n%s", out.String())
	}
}

var variable = regexp.MustCompile(`--([a-z0-9-]+): (#[0-9a-f]{6});`)

// palettes reads the colours of the style sheet: light, then dark.
func palettes(t *testing.T) [2]map[string]string {
	t.Helper()
	sheet, err := embedded.ReadFile("static/app.css")
	if err != nil {
		t.Fatal(err)
	}
	light, dark, ok := strings.Cut(string(sheet), "@media (prefers-color-scheme: dark)")
	if !ok {
		t.Fatal("the style sheet has no dark colours")
	}
	var out [2]map[string]string
	for i, part := range []string{light, dark} {
		out[i] = map[string]string{}
		for _, m := range variable.FindAllStringSubmatch(part, -1) {
			out[i][m[1]] = m[2]
		}
	}
	return out
}

// contrast is the ratio of WCAG 2.2, section "contrast ratio".
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	light := func(colour string) float64 {
		sum := 0.0
		for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
			n, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
			if err != nil {
				t.Fatalf("colour %q: %v", colour, err)
			}
			c := float64(n) / 255
			if c <= 0.04045 {
				c /= 12.92
			} else {
				c = math.Pow((c+0.055)/1.055, 2.4)
			}
			sum += weight * c
		}
		return sum
	}
	x, y := light(a), light(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func TestColours_TextHasAAContrastInBothPalettes(t *testing.T) {
	t.Parallel()
	for i, p := range palettes(t) {
		name := []string{"light", "dark"}[i]
		check := func(text, ground string, least float64) {
			if p[text] == "" || p[ground] == "" {
				t.Fatalf("%s: %s or %s is not a colour", name, text, ground)
			}
			if got := contrast(t, p[text], p[ground]); got < least {
				t.Errorf("%s: %s on %s has contrast %.2f, want %.1f", name, text, ground, got, least)
			}
		}
		for _, ground := range []string{"bg", "surface", "sunken"} {
			for _, text := range []string{"text", "muted", "accent", "bad", "good"} {
				check(text, ground, 4.5)
			}
		}
		check("bad", "bad-soft", 4.5)
		check("good", "good-soft", 4.5)
		check("accent", "accent-soft", 4.5)
		check("on-accent", "accent", 4.5)
		// Lines of a chart are graphics, for which 3 is asked.
		for n := range 8 {
			check("s"+strconv.Itoa(n), "surface", 3)
		}
	}
}
