package pictures

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Picture is a series with what a detector said of it.
type Picture struct {
	// Title says what it shows, for those who cannot see it.
	Title string
	// Samples are the values of each order, from 0; an order without values is left out.
	Samples [][]float64
	Marks   []Mark
	// Single says that single values were compared: there are no levels to draw.
	Single bool
}

// Mark is a place at which something is said.
type Mark struct {
	Place int
	// Found tells a change from a place at which a rule stopped it. Text says which change, or which rule.
	Found bool
	Text  string
	// Before and After are the levels on both sides of a change.
	Before, After float64
}

// The drawing's measures, in pixels.
const (
	width, height            = 760, 300
	left, right, top, bottom = 64, 16, 76, 44
)

// SVG draws the picture: the orders along the bottom, a dot per sample, a line through the levels, a dashed line where there is a
// change, a dotted one where there is none.
func (p Picture) SVG() string {
	lo, hi := p.bounds()
	x := func(place float64) float64 {
		return left + (place+0.5)/float64(len(p.Samples))*(width-left-right)
	}
	y := func(v float64) float64 { return top + (hi-v)/(hi-lo)*(height-top-bottom) }
	var b strings.Builder
	out := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	out(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" font-family="sans-serif" font-size="12">`, width, height, width, height)
	out(`<title>%s</title>`, html.EscapeString(p.Title))
	out(`<rect width="%d" height="%d" fill="#ffffff"/>`, width, height)
	p.axes(out, x, y, lo, hi)
	for i, values := range p.Samples {
		for _, v := range values {
			out(`<circle cx="%.1f" cy="%.1f" r="2.6" fill="#0b5fa5"/>`, x(float64(i)), y(v))
		}
	}
	if !p.Single {
		p.levels(out, x, y)
	}
	p.marks(out, x)
	b.WriteString("</svg>\n")
	return b.String()
}

func (p Picture) bounds() (lo, hi float64) {
	all := slices.Concat(p.Samples...)
	for _, m := range p.Marks {
		if m.Found {
			all = append(all, m.Before, m.After)
		}
	}
	lo, hi = slices.Min(all), slices.Max(all)
	room := max((hi-lo)*0.08, math.Abs(hi)*1e-3)
	return lo - room, hi + room
}

func (p Picture) axes(out func(string, ...any), x, y func(float64) float64, lo, hi float64) {
	for _, v := range ticks(lo, hi, 6) {
		out(`<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="#e3e6ea"/>`, left, y(v), width-right, y(v))
		out(`<text x="%d" y="%.1f" text-anchor="end" fill="#4a5561">%s</text>`, left-8, y(v)+4, strconv.FormatFloat(v, 'g', 6, 64))
	}
	for _, v := range ticks(0, float64(len(p.Samples)-1), 12) {
		out(`<text x="%.1f" y="%d" text-anchor="middle" fill="#4a5561">%.0f</text>`, x(v), height-bottom+18, v)
	}
	out(`<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="#8a949e"/>`, left, height-bottom, width-right, height-bottom)
	out(`<text x="%d" y="%d" text-anchor="middle" fill="#1a2027">order (index in the series)</text>`, (left+width-right)/2, height-8)
	out(`<text transform="translate(14 %d) rotate(-90)" text-anchor="middle" fill="#1a2027">value</text>`, (top+height-bottom)/2)
}

// ticks are at most most round numbers between two.
func ticks(lo, hi float64, most int) []float64 {
	step := math.Pow(10, math.Floor(math.Log10((hi-lo)/float64(most))))
	for _, by := range []float64{1, 2, 5, 10} {
		if (hi-lo)/(step*by) <= float64(most) {
			step *= by
			break
		}
	}
	var out []float64
	for k := math.Ceil(lo / step); k*step <= hi; k++ {
		out = append(out, k*step)
	}
	return out
}

// levels are drawn from one change to the next.
func (p Picture) levels(out func(string, ...any), x, y func(float64) float64) {
	from := -0.5
	var found []Mark
	for _, m := range p.Marks {
		if m.Found {
			found = append(found, m)
		}
	}
	line := func(a, b, level float64) {
		out(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#1a2027" stroke-width="1.5" opacity="0.7"/>`, x(a), y(level), x(b), y(level))
	}
	for _, m := range found {
		edge := float64(m.Place) - 0.5
		line(from, edge, m.Before)
		from = edge
	}
	if len(found) > 0 {
		line(from, float64(len(p.Samples))-0.5, found[len(found)-1].After)
	}
}

func (p Picture) marks(out func(string, ...any), x func(float64) float64) {
	for i, m := range p.Marks {
		at, row := x(float64(m.Place)-0.5), 14+15*(i%4)
		colour, dash := "#b3261e", "5 3"
		if !m.Found {
			at, colour, dash = x(float64(m.Place)), "#5f6b76", "1 4"
		}
		out(`<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="%s" stroke-width="1.4" stroke-dasharray="%s"/>`, at, row+4, at, height-bottom, colour, dash)
		anchor, shift := "start", 5
		if at > width*0.55 {
			anchor, shift = "end", -5
		}
		out(`<text x="%.1f" y="%d" text-anchor="%s" fill="%s" stroke="#ffffff" stroke-width="3" paint-order="stroke">%s</text>`, at+float64(shift), row+4, anchor, colour, html.EscapeString(m.Text))
	}
}
