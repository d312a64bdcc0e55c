package web

import (
	"fmt"
	"strings"
	"testing"
)

func TestParsePlot_ReadsWhatLNTWrites(t *testing.T) {
	t.Parallel()
	got, err := parsePlot("12.345.8")
	if want := (plot{12, 345, 8}); err != nil || got != want {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	for _, wrong := range []string{"", "1", "1.2", "1.2.3.4", "a.b.c", "0.1.2", "1.0.2", "1.2.-1", "4294967296.1.1", "1.1.70000", " 1.2.3", "1,2,3"} {
		if p, err := parsePlot(wrong); err == nil {
			t.Errorf("%q was read as %v", wrong, p)
		}
	}
}

func FuzzParsePlot_WhatIsReadIsWrittenTheSameWay(f *testing.F) {
	f.Add("1.2.3")
	f.Add("01.2.3")
	f.Add("4294967295.4294967295.65535")
	f.Fuzz(func(t *testing.T, value string) {
		p, err := parsePlot(value)
		if err != nil {
			return
		}
		again, err := parsePlot(p.String())
		if err != nil || again != p {
			t.Errorf("%q gives %v, which gives %v, %v", value, p, again, err)
		}
	})
}

func FuzzBreakable_NeverLetsMarkupThrough(f *testing.F) {
	f.Add(`a/<b>/"c"`)
	f.Add("/</wbr>/&")
	f.Fuzz(func(t *testing.T, name string) {
		rest := strings.ReplaceAll(string(breakable(name)), "<wbr>", "")
		if strings.ContainsAny(rest, "<>\"'") {
			t.Errorf("%q gives %q", name, rest)
		}
	})
}

func TestPager_KnowsItsNeighbours(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		page, total                  int
		previous, next, first, pages any
	}{
		{1, 0, "", "", 0, 1}, {1, 50, "", "", 1, 1}, {1, 51, "", "?page=2", 1, 2}, {2, 51, "?page=1", "", 51, 2}, {3, 51, "?page=2", "", 51, 2},
	} {
		p := pager{Page: c.page, Rows: 50, Total: c.total, Query: "?"}
		got := fmt.Sprint(p.Previous(), "|", p.Next(), "|", p.First(), "|", p.Pages())
		if want := fmt.Sprint(c.previous, "|", c.next, "|", c.first, "|", c.pages); got != want {
			t.Errorf("page %d of %d: got %s, want %s", c.page, c.total, got, want)
		}
	}
}
