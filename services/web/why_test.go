package web_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"tidemark/pkg/detect"
	"tidemark/pkg/event"
	"tidemark/pkg/testkit/browser"
)

func TestWhy_StepQuietOrderAndEnd_TellTheRuleThatDecided(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.history("default", 30, 8)
	w.flush()
	for _, c := range []struct {
		order int
		want  []string
	}{
		{h.Step, []string{"Why there is a change", "regression", "every rule is passed", "+18.", "Difference of the levels, in standard errors", "at least 4.5", "min_t=4.5", "It judges this series."}},
		{h.Step - 6, []string{"Why there is no change", "stopped it"}},
		{h.Orders, []string{"Why there is no change", "Points from it on: 1, but at least 3 is needed."}},
		{1, []string{"Why there is no change", "Points before it: 0, but at least 5 is needed."}},
	} {
		body := w.ok(fmt.Sprintf("/db_default/v4/nts/why?plot.0=1.1.2&order=%d", c.order))
		mustContain(t, body, append(c.want, fmt.Sprint(500000+c.order*7))...)
	}
	// As of the position of the step's own order nothing follows it yet.
	step := fmt.Sprintf("/v4/nts/why?plot.0=1.1.2&order=%d", h.Step)
	mustContain(t, w.ok(fmt.Sprintf("%s&as_of=%d", step, 3*h.Step)), "Data as of position 60, rules as of now", "Why there is no change", "Points from it on: 1, but at least 3 is needed.", "The newest data", "as_of=60&amp;detector=")
	mustContain(t, w.ok(step+"&as_of=90"), "Why there is a change", "as of position 90")
	if p := w.get(step + "&as_of=9000"); p.Status != http.StatusBadRequest {
		t.Errorf("a position that is not there: %d", p.Status)
	}
}

func TestWhy_OtherDetectorsAndRules_AnswerWithTheirOwnRules(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.history("default", 30, 8)
	w.flush()
	good, _ := detect.List()
	for _, d := range good {
		body := w.ok(fmt.Sprintf("/v4/nts/why?plot.0=1.1.2&order=%d&detector=%s", h.Step, d.Name))
		mustContain(t, body, d.Name+", version "+fmt.Sprint(d.Version))
		// every rule has words, in every detector
		for _, m := range regexp.MustCompile(`<td class="main">([^<]*)</td>`).FindAllStringSubmatch(body, -1) {
			if !strings.Contains(m[1], " ") {
				t.Errorf("%s has no words for its rule %q", d.Name, m[1])
			}
		}
	}
	rule, err := event.DetectorRule{Detector: "threshold", Mode: event.ModeActive, Params: map[string]string{"percent": "50"}}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	off, err := event.DetectorRule{Detector: "steps", Mode: event.ModeOff}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range [][]byte{rule, off} {
		if d := w.decide("default", "nts", event.DetectorConfigured, noon, body, nil); d.Status != event.Accepted {
			t.Fatal(d.Error)
		}
	}
	w.flush()
	body := w.ok(fmt.Sprintf("/v4/nts/why?plot.0=1.1.2&order=%d", h.Step))
	mustContain(t, body, "threshold, version", "percent=50", "Why there is no change", "It judges this series.")
	mustContain(t, w.ok(fmt.Sprintf("/v4/nts/why?plot.0=1.1.2&order=%d&detector=steps", h.Step)), "It does not judge this series")
}

func TestWhy_WrongAddress_IsToldWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.history("default", 10, 6)
	w.flush()
	for path, c := range map[string]struct {
		status int
		text   string
	}{
		"order=5":                               {http.StatusBadRequest, "plot.0"},
		"plot.0=1.1.2":                          {http.StatusBadRequest, "order"},
		"plot.0=1.1.2&order=999":                {http.StatusNotFound, "no value at that order"},
		"plot.0=1.99.2&order=5":                 {http.StatusNotFound, "no test 99"},
		"plot.0=1.1.2&order=5&detector=crystal": {http.StatusBadRequest, "perfherder"},
	} {
		p := w.get("/v4/nts/why?" + path)
		if p.Status != c.status {
			t.Errorf("%s: %d, want %d", path, p.Status, c.status)
		}
		mustContain(t, p.Body, c.text)
	}
}

func TestWhy_InABrowser_OpensUnderTheChartByMouseAndKeyboard(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.history("default", 30, 8)
	w.flush()
	root := listen(t, w.app)
	b := openTab(t)
	b.Look(t, 1280, 900, false)
	b.Do(t, chromedp.Navigate(root+fmt.Sprintf("/v4/nts/graph?plot.0=1.1.2&order=%d", h.Step)))
	b.Until(t, "the chart is drawn", drawn)
	told := func(text string) string {
		return fmt.Sprintf(`document.querySelector("#why").textContent.includes(%q)`, text)
	}
	b.Do(t, chromedp.Click(chromedp.CSS(`#readout a[data-why]`)))
	b.Until(t, "the panel tells of the step", told("Why there is a change"))
	b.picture(t, "why")
	b.Do(t, chromedp.Click(chromedp.CSS(`#why nav a:not([aria-current])`)))
	b.Until(t, "another detector tells", `!document.querySelector("#why").textContent.includes("steps, version")`)
	if address := b.Address(t); !strings.Contains(address, "/graph?") {
		t.Errorf("the panel led to %s", address)
	}
	browser.See[bool](t, b.Tab, `(document.querySelector("#chart").focus(), true)`)
	b.Do(t, chromedp.KeyEvent(kb.End), chromedp.KeyEvent("w"))
	b.Until(t, "the panel tells of the newest order", told("Points from it on: 1"))
	if at := browser.See[string](t, b.Tab, `document.activeElement.id`); at != "why" {
		t.Errorf("the focus is on %q", at)
	}
	b.Do(t, chromedp.Navigate(root+"/v4/nts/graph?plot.0=1.1.2&view=table"))
	b.Follow(t, chromedp.Click(chromedp.CSS(`table.values tbody tr:first-child a.button`)))
	b.Until(t, "the page of its own tells", `document.querySelector(".why").textContent.includes("Why there is no change")`)
	b.Look(t, 360, 740, true)
	if over := browser.See[int](t, b.Tab, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
		t.Errorf("the page is %d pixels too wide", over)
	}
	b.picture(t, "why-page-phone-dark")
	b.Quiet(t)
}

func TestWhy_DetectorOfTheShadowAndLNT_AreSaidToBeSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.history("default", 12, 6)
	w.say(event.DetectorConfigured, event.DetectorRule{Detector: "threshold", Mode: event.ModeShadow, Params: map[string]string{"percent": "50"}})
	w.flush()
	shadow := w.ok(fmt.Sprintf("/v4/nts/why?plot.0=1.1.2&order=%d&detector=threshold", h.Step))
	mustContain(t, shadow, "threshold (shadow)", "percent=50", "judges this series in the shadow", "steps")
	lnt := w.ok(fmt.Sprintf("/v4/nts/why?plot.0=1.1.2&order=%d&detector=lnt", h.Step))
	mustContain(t, lnt, "compare each run, when it comes", "No rule says that it judges this series")
}
