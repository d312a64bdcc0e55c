package dashboards_test

import (
	"fmt"
	"html"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/samber/lo"

	"tidemark/dashboards"
)

// Pictures are drawn from what the queries answer, in Grafana's grid. They are no screenshots: fonts, ticks and colours are their own.
const (
	cellW, cellH = 50, 30
	headH        = 26
	maxLines     = 12
)

var palette = []string{
	"#3d71d9", "#d9733d", "#3da35d", "#b04ed1", "#c8a415", "#2aa1a8", "#d14e7a", "#6b7a8f", "#7d9c2f", "#8a5a3c", "#5656c8", "#c24f4f",
}

// drawing is an SVG that grows.
type drawing struct{ strings.Builder }

func (d *drawing) add(format string, values ...any) { fmt.Fprintf(d, format+"\n", values...) }

func (d *drawing) text(x, y float64, size int, style, text string) {
	d.add(`<text x="%.0f" y="%.0f" font-size="%d" %s>%s</text>`, x, y, size, style, html.EscapeString(text))
}

// draw gives the picture of a dashboard, of the answers of its panels.
func draw(d loaded, answers map[int]answer) string {
	bottom := lo.Max(lo.Map(d.Panels, func(p panel, _ int) int { return p.GridPos.Y + p.GridPos.H }))
	out := &drawing{}
	out.add(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="DejaVu Sans, Arial, sans-serif" role="img">`, 24*cellW, bottom*cellH+40)
	out.add(`<title>%s</title><rect width="100%%" height="100%%" fill="#f4f5f5"/>`, html.EscapeString(d.Title))
	out.text(10, 26, 18, `font-weight="bold" fill="#1f2329"`, d.Title)
	for _, p := range d.Panels {
		x, y := float64(p.GridPos.X*cellW)+4, float64(p.GridPos.Y*cellH)+40
		w, h := float64(p.GridPos.W*cellW)-8, float64(p.GridPos.H*cellH)-8
		out.add(`<g transform="translate(%.0f %.0f)"><rect width="%.0f" height="%.0f" fill="#fff" stroke="#d5d8dc" rx="3"/>`, x, y, w, h)
		out.text(8, 18, 12, `font-weight="bold" fill="#1f2329"`, p.Title)
		drawPanel(out, p, answers[p.ID], w, h)
		out.add(`</g>`)
	}
	out.add(`</svg>`)
	return out.String()
}

func drawPanel(out *drawing, p panel, a answer, w, h float64) {
	switch p.Type {
	case "stat":
		v, _ := numberOf(a.Data[0][0])
		out.text(w/2, h/2+22, 30, `text-anchor="middle" fill="#2f7d4b"`, shown(v, p.FieldConfig.Defaults.Unit))
	case "timeseries":
		drawSeries(out, p, a, w, h)
	case "barchart":
		drawBars(out, p, a, w, h)
	case "table":
		drawTable(out, p, a, w, h)
	}
}

type point struct{ x, y float64 }

// ticksOf widens a range to round numbers, three to seven of them.
func ticksOf(low, high float64) (from, to float64, ticks []float64) {
	step := math.Pow(10, math.Floor(math.Log10((high-low)/3)))
	for _, by := range []float64{5, 2} {
		if (high-low)/(step*by) >= 2.5 {
			step *= by
			break
		}
	}
	first, last := math.Floor(low/step+1e-9), math.Ceil(high/step-1e-9)
	for i := first; i <= last; i++ {
		ticks = append(ticks, i*step)
	}
	return first * step, last * step, ticks
}

// series are the lines of an answer: one for each number and each combination of texts.
func series(a answer) (names []string, lines map[string][]point) {
	lines = map[string][]point{}
	at := slices.IndexFunc(a.Meta, func(c struct{ Name, Type string }) bool { return c.Name == "time" })
	numbers := lo.CountBy(a.Meta, func(c struct{ Name, Type string }) bool { return isNumber.MatchString(c.Type) })
	for _, row := range a.Data {
		when, _ := time.Parse("2006-01-02 15:04:05", fmt.Sprint(row[at])[:19])
		var texts []string
		for i, c := range a.Meta {
			if isText.MatchString(c.Type) {
				texts = append(texts, fmt.Sprint(row[i]))
			}
		}
		for i, c := range a.Meta {
			v, ok := numberOf(row[i])
			if !isNumber.MatchString(c.Type) || !ok {
				continue
			}
			name := strings.Join(texts, " ")
			if name == "" || numbers > 1 {
				name = strings.TrimSpace(name + " " + c.Name)
			}
			if lines[name] == nil {
				names = append(names, name)
			}
			lines[name] = append(lines[name], point{float64(when.Unix()), v})
		}
	}
	return names, lines
}

func drawSeries(out *drawing, p panel, a answer, w, h float64) {
	names, lines := series(a)
	names = names[:min(len(names), maxLines)]
	all := lo.FlatMap(names, func(n string, _ int) []point { return lines[n] })
	custom := p.FieldConfig.Defaults.Custom
	up := func(v float64) float64 { return v }
	if custom.ScaleDistribution.Type == "log" {
		up = func(v float64) float64 { return math.Log10(math.Max(v, 1e-9)) }
	}
	bars := custom.DrawStyle == "bars"
	left, right := all[0].x, all[0].x
	low, high := up(all[0].y), up(all[0].y)
	stacked := map[float64]float64{}
	for _, v := range all {
		left, right = min(left, v.x), max(right, v.x)
		low, high = min(low, up(v.y)), max(high, up(v.y))
		if stacked[v.x] += v.y; bars {
			low, high = 0, max(high, stacked[v.x])
		}
	}
	if high == low {
		high = low + 1
	}
	var ticks []float64
	if low, high, ticks = ticksOf(low, high); custom.ScaleDistribution.Type == "log" {
		ticks = []float64{low, low + (high-low)/3, low + (high-low)*2/3, high}
	}
	places := float64(len(lo.UniqBy(all, func(v point) float64 { return v.x })))
	if bars { // a bar is around its place
		half := max((right-left)/max(places-1, 1)/2, 1800)
		left, right = left-half, right+half
	}
	if right == left {
		right = left + 1
	}
	legend := 16 + 14*float64((len(names)+1)/2)
	x0, y0, x1, y1 := 66.0, float64(headH)+8, w-24, h-legend-18
	px := func(v float64) float64 { return x0 + (v-left)/(right-left)*(x1-x0) }
	py := func(v float64) float64 { return y1 - (v-low)/(high-low)*(y1-y0) }
	for _, v := range ticks {
		label := v
		if custom.ScaleDistribution.Type == "log" {
			label = math.Pow(10, v)
		}
		out.add(`<path d="M%.0f %.1fH%.0f" stroke="#e4e7ea"/>`, x0, py(v), x1)
		out.text(x0-6, py(v)+4, 10, `text-anchor="end" fill="#6b7280"`, shown(label, p.FieldConfig.Defaults.Unit))
	}
	for i := range 4 {
		at := left + (right-left)*float64(i)/3
		form := lo.Ternary(right-left > 2*86400, "2 Jan", "15:04")
		out.text(px(at), y1+14, 10, `text-anchor="middle" fill="#6b7280"`, time.Unix(int64(at), 0).UTC().Format(form))
	}
	clear(stacked)
	width := min(40, max(1.5, (x1-x0)/math.Max(places, 1)*0.8))
	for i, name := range names {
		colour := palette[i%len(palette)]
		var path strings.Builder
		for j, v := range lines[name] {
			switch {
			case bars:
				from := stacked[v.x]
				stacked[v.x] += v.y
				fmt.Fprintf(&path, "M%.1f %.1fv%.1f", px(v.x), py(from), py(from+v.y)-py(from))
			case custom.DrawStyle == "points":
				fmt.Fprintf(&path, "M%.1f %.1fh0", px(v.x), py(up(v.y)))
			default:
				fmt.Fprintf(&path, "%s%.1f %.1f", lo.Ternary(j == 0, "M", "L"), px(v.x), py(up(v.y)))
			}
		}
		stroke := lo.Ternary(bars, width, 1.3)
		if custom.DrawStyle == "points" {
			stroke = 4
		}
		out.add(`<path d="%s" fill="none" stroke="%s" stroke-width="%.1f"%s/>`, path.String(), colour, stroke,
			lo.Ternary(custom.DrawStyle == "points", ` stroke-linecap="round"`, ""))
		lx, ly := 10+float64(i%2)*w/2, y1+34+14*float64(i/2)
		out.add(`<rect x="%.0f" y="%.0f" width="9" height="9" fill="%s"/>`, lx, ly-9, colour)
		out.text(lx+14, ly, 10, `fill="#3c434c"`, clipped(name, w/2-30))
	}
}

func drawBars(out *drawing, p panel, a answer, w, h float64) {
	tall := min(24, (h-headH-8)/float64(max(len(a.Data), 1)))
	most := 0.0
	for _, row := range a.Data {
		v, _ := numberOf(row[1])
		most = max(most, v)
	}
	for i, row := range a.Data {
		v, _ := numberOf(row[1])
		y := headH + 4 + float64(i)*tall
		out.text(w*0.38-6, y+tall*0.65, 10, `text-anchor="end" fill="#3c434c"`, clipped(fmt.Sprint(row[0]), w*0.36))
		out.add(`<rect x="%.0f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`, w*0.38, y+1, v/most*w*0.48, tall-3, palette[0])
		out.text(w*0.38+v/most*w*0.48+6, y+tall*0.65, 10, `fill="#3c434c"`, shown(v, p.FieldConfig.Defaults.Unit))
	}
}

func drawTable(out *drawing, p panel, a answer, w, h float64) {
	unit, hidden := map[string]string{}, map[string]bool{}
	for _, o := range p.FieldConfig.Overrides {
		for _, property := range o.Properties {
			switch property.ID {
			case "unit":
				unit[o.Matcher.Options] = fmt.Sprint(property.Value)
			case "custom.hidden":
				hidden[o.Matcher.Options] = true
			}
		}
	}
	columns := lo.Filter(lo.Range(len(a.Meta)), func(i, _ int) bool { return !hidden[a.Meta[i].Name] })
	weight := lo.Map(columns, func(c, _ int) float64 {
		longest := len(a.Meta[c].Name) + 1
		for _, row := range a.Data[:min(len(a.Data), 10)] {
			longest = max(longest, len(cell(row[c], a.Meta[c].Type, unit[a.Meta[c].Name])))
		}
		return float64(min(longest, 30) + 2)
	})
	total, x := lo.Sum(weight), 8.0
	for i, c := range columns {
		wide := weight[i] / total * (w - 16)
		out.text(x, headH+12, 10, `font-weight="bold" fill="#3d71d9"`, clipped(a.Meta[c].Name, (wide-4)*0.88))
		for j, row := range a.Data {
			y := float64(headH) + 30 + float64(j)*17
			if y > h-6 {
				break
			}
			out.text(x, y, 10, `fill="#3c434c"`, clipped(cell(row[c], a.Meta[c].Type, unit[a.Meta[c].Name]), wide))
		}
		x += wide
	}
}

func cell(v any, kind, unit string) string {
	if v == nil {
		return ""
	}
	if n, ok := numberOf(v); ok && isNumber.MatchString(kind) {
		return shown(n, unit)
	}
	text := fmt.Sprint(v)
	if strings.Contains(kind, "DateTime") {
		text = text[:min(len(text), len("2006-01-02 15:04"))] // a picture has less room than Grafana
	}
	return text
}

// clipped is a text that fits into so many pixels at size 10, about.
func clipped(text string, pixels float64) string {
	if r := []rune(text); float64(len(r))*6 > pixels {
		return string(r[:max(int(pixels/6)-1, 1)]) + "…"
	}
	return text
}

// shown is a number in one of Grafana's units.
func shown(v float64, unit string) string {
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }
	scaled := func(base float64, names ...string) string {
		i := 0
		for ; math.Abs(v) >= base && i < len(names)-1; i++ {
			v /= base
		}
		return number(v) + names[i]
	}
	switch unit {
	case "percentunit":
		return strconv.FormatFloat(v*100, 'f', 2, 64) + " %"
	case "bytes":
		return scaled(1024, " B", " KiB", " MiB", " GiB", " TiB")
	case "ms":
		return lo.Ternary(v >= 1000, number(v/1000)+" s", number(v)+" ms")
	case "s":
		for _, of := range []struct {
			seconds float64
			name    string
		}{{7 * 86400, " weeks"}, {86400, " days"}, {3600, " hours"}, {60, " mins"}} {
			if math.Abs(v) >= of.seconds {
				return strconv.FormatFloat(v/of.seconds, 'g', 3, 64) + of.name
			}
		}
		return number(v) + " s"
	case "sci":
		return strconv.FormatFloat(v, 'e', 1, 64)
	case "short":
		return scaled(1000, "", " K", " Mil", " Bil")
	default:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
}

func TestPictures_OfEveryDashboard_AreDrawnFromItsAnswersAndShownInTheDocs(t *testing.T) {
	w := demo(t)
	page, err := os.ReadFile("../docs/grafana.md")
	if err != nil {
		t.Fatal(err)
	}
	all := load(t)
	for _, defined := range dashboards.All() {
		d := all[defined.UID]
		shown := asked{from: w.first.Add(-time.Hour), to: w.last.Add(time.Minute), interval: 24 * time.Hour}
		if d.UID == "pipeline" {
			shown.from, shown.interval = w.last.Add(-3*time.Hour), 5*time.Minute
		}
		a := w.choose(t, d, shown, false)
		answers := map[int]answer{}
		for _, p := range d.Panels {
			answers[p.ID] = w.ask(a.expand(t, p.Targets[0].RawSQL))
		}
		picture := draw(d, answers)
		if strings.Contains(picture, "NaN") || strings.Contains(picture, "Inf") || strings.Contains(picture, "%!") {
			t.Errorf("the picture of %s has what is no number", d.UID)
		}
		file := "pictures/grafana-" + d.UID + ".svg"
		if *update {
			if err := os.WriteFile("../docs/"+file, []byte(picture), 0o644); err != nil { //nolint:gosec // for everyone
				t.Fatal(err)
			}
		}
		if _, err := os.Stat("../docs/" + file); err != nil {
			t.Error(err)
		}
		if !strings.Contains(string(page), "]("+file+")") || !strings.Contains(string(page), "## "+d.Title+"\n") {
			t.Errorf("docs/grafana.md does not show %s", d.Title)
		}
		for _, p := range d.Panels {
			if !strings.Contains(string(page), "**"+p.Title+"**") {
				t.Errorf("docs/grafana.md does not say what %s / %s is for", d.Title, p.Title)
			}
		}
	}
}

func TestTicks_OfAnyRange_AreRoundAndHoldIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		low, high float64
		want      string
	}{
		{0, 34, "[0 10 20 30 40]"}, {0, 6, "[0 2 4 6]"}, {0, 7, "[0 2 4 6 8]"}, {0, 1, "[0 0.2 0.4 0.6 0.8 1]"}, {-0.0124, 0.0864, "[-0.02 0 0.02 0.04 0.06 0.08 0.1]"}, {1, 2, "[1 1.2 1.4 1.6 1.8 2]"},
	} {
		from, to, ticks := ticksOf(c.low, c.high)
		if from > c.low || to < c.high {
			t.Errorf("%g to %g is drawn from %g to %g", c.low, c.high, from, to)
		}
		if got := fmt.Sprint(lo.Map(ticks, func(v float64, _ int) float64 { return math.Round(v*1e6) / 1e6 })); got != c.want {
			t.Errorf("%g to %g has the ticks %s, want %s", c.low, c.high, got, c.want)
		}
	}
}
