package web_test

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// profiled is a world whose run 1 has a profile of test 1, and whose run 2 has none.
func profiled(t *testing.T) (w *world, want map[string]any) {
	t.Helper()
	file := func(name string) []byte {
		data, err := os.ReadFile("../../pkg/profile/testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	w = newWorld(t)
	encoded := base64.StdEncoding.EncodeToString(file("small.lntprof"))
	w.submit("default", "nts", "m", "1", noon, test{"name": "group/x", "score": 1.5}, test{"name": "group/x", "profile": encoded})
	w.submit("default", "nts", "m", "2", noon, test{"name": "group/x", "score": 1.5})
	w.flush()
	return w, parsed(t, string(file("small.want.json"))).(map[string]any)
}

func parsed(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

// TestProfile_Answers_AreThoseOfLNT compares with what LNT's own reader says about the same file.
func TestProfile_Answers_AreThoseOfLNT(t *testing.T) {
	t.Parallel()
	w, want := profiled(t)
	ask := func(query string) any {
		t.Helper()
		return parsed(t, w.ok("/db_default/v4/nts/profile/ajax/"+query))
	}
	same := func(query string, want any) {
		t.Helper()
		if diff := cmp.Diff(ask(query), want); diff != "" {
			t.Errorf("%s: got - want +\n%s", query, diff)
		}
	}
	same("getFunctions?runid=1&testid=1", want["functions"])
	for name, lines := range want["code"].(map[string]any) {
		same("getCodeForFunction?runid=1&testid=1&f="+url.QueryEscape(name), lines)
		same("getCodeForFunction?runid=1&testid=1&f="+url.QueryEscape(url.PathEscape(name)), lines) // as LNT's page asks
	}
	for runs, counters := range map[string]string{
		"1":     `{"branch-misses": [200], "cycles": [12345]}`,
		"1,1":   `{"branch-misses": [200, 200], "cycles": [12345, 12345]}`,
		"1,2":   `{"branch-misses": [200], "cycles": [12345]}`,
		"2,1":   `{"branch-misses": [null, 200], "cycles": [null, 12345]}`,
		"1,9,1": `{"branch-misses": [200], "cycles": [12345]}`,
		"2":     `{}`,
	} {
		same("getTopLevelCounters?testid=1&runids="+runs, parsed(t, counters))
	}
}

func TestProfile_WhatIsNotThere_SaysSo(t *testing.T) {
	t.Parallel()
	w, _ := profiled(t)
	for query, status := range map[string]int{
		"getFunctions?runid=2&testid=1":                                   404,
		"getFunctions?runid=9&testid=1":                                   404,
		"getFunctions?runid=1&testid=9":                                   404,
		"getFunctions?runid=x&testid=1":                                   400,
		"getFunctions":                                                    400,
		"getTopLevelCounters?testid=1":                                    400,
		"getCodeForFunction?runid=1&testid=1&f=nobody":                    404,
		"getCodeForFunction?runid=1&testid=1&f=%25zz%25":                  404,
		"getAnything?runid=1&testid=1":                                    404,
		"getTopLevelCounters?testid=1&runids=" + strings.Repeat("1,", 20): 400,
	} {
		got := w.get("/v4/nts/profile/ajax/" + query)
		if got.Status != status || !strings.Contains(got.Body, `"error"`) {
			t.Errorf("%s: %d, want %d: %s", query, got.Status, status, got.Body)
		}
	}
}

func TestProfile_Page_ShowsCountersFunctionsAndCode(t *testing.T) {
	t.Parallel()
	w, want := profiled(t)
	page := w.ok("/v4/nts/profile/1/1")
	mustContain(t, page, "group/x", "branch-misses", "<code>cycles</code>", `aria-current="true"`)
	for name, lines := range want["code"].(map[string]any) {
		mustContain(t, page, name)
		code := w.ok("/v4/nts/profile/1/1?counter=branch-misses&f=" + url.QueryEscape(name))
		mustContain(t, code, "share of branch-misses, in percent of the function")
		if got := strings.Count(code, "0x"); got != len(lines.([]any)) {
			t.Errorf("%s has %d instructions, want %d", name, got, len(lines.([]any)))
		}
	}
	mustContain(t, w.ok("/v4/nts/profile/1/1/1"), "Change", "run 1")
	for address, status := range map[string]int{"1/2": 404, "9/1": 404, "1/1/2": 404, "1/1?f=nobody": 404, "1/1?counter=none": 400} {
		if p := w.get("/v4/nts/profile/" + address); p.Status != status {
			t.Errorf("%s: %d, want %d", address, p.Status, status)
		}
	}
}
