package web_test

import (
	"encoding/csv"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"tidemark/pkg/event"
)

func TestAudit_WritesOfPeople_TellWhoWhatAndWhy(t *testing.T) {
	t.Parallel()
	w := newGuardedWorld(t)
	h := w.history("default", 12, 6)
	w.steps("default", h)
	w.actor = "=sheriff"
	w.decide("default", "nts", event.RegressionTriaged, noon, []byte(`{"regression_ids":[1,2],"state":20,"note":"<b>known</b> since May"}`), nil)
	w.decide("default", "nts", event.MachineRenamed, noon, []byte(`{"machine":"graviton4-bench-07","name":"g4"}`), nil)
	w.decide("default", "nts", event.SubscriptionSet, noon, []byte(
		`{"id":"6b3c1f6e-3a55-4c0e-9d1a-111111111111","name":"team","channel":"webhook","target":"https://hooks.example.org/secret"}`), nil)
	w.flush()

	page := w.ok("/v4/nts/audit")
	mustContain(t, page, "regression triaged", `href="/db_default/v4/nts/regressions/1"`, "&lt;b&gt;known&lt;/b&gt; since May", "=sheriff", "machine renamed", "named g4",
		"subscription set", "named team", "changes found", "detector step", "2 findings")
	mustNotContain(t, page, "run submitted</a>", "hooks.example.org", "<b>known")
	mustContain(t, w.ok("/v4/nts/audit?show=all"), "run submitted</a>", "run 36")
	for query, want := range map[string]int{"actor=SHERIFF": 3, "type=machine.renamed": 1, "type=run.submitted&actor=bot": 36, "until=2026-03-13": 0, "actor=nobody": 0, "actor=sheriff&since=2026-03-14": 3} {
		if got := strings.Count(w.ok("/v4/nts/audit?"+query), `<td class="lead">`); got != want {
			t.Errorf("%s: %d events, want %d", query, got, want)
		}
	}
	first := w.ok("/v4/nts/audit?show=all")
	mustContain(t, w.ok("/v4/nts/audit?show=all&before=3"), "run 2</a>", "run 1</a>")
	if !strings.Contains(first, "CSV") {
		t.Error("no download")
	}
	rows, err := csv.NewReader(strings.NewReader(w.ok("/v4/nts/audit.csv?actor=sheriff"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 4 || rows[3][2] != "'=sheriff" || rows[3][4] != "regression 1; regression 2" || rows[3][5] != "<b>known</b> since May" {
		t.Errorf("%q", rows)
	}
	for _, query := range []string{"type=none", "before=x", "since=1", "show=some"} {
		if p := w.get("/v4/nts/audit?" + query); p.Status != http.StatusBadRequest {
			t.Errorf("%s: %d", query, p.Status)
		}
	}

	// The bytes of what is no submission may hold addresses: a reader is told so, who manages sees them.
	subscription := receiptLink.FindStringSubmatch(w.ok("/v4/nts/audit?type=subscription.set"))[1]
	mustNotContain(t, w.ok(subscription), "hooks.example.org")
	mustContain(t, w.ok(subscription), "subscription set", "are for people who manage", "Sign in")
	for scope, want := range map[string]int{"read": http.StatusForbidden, "triage": http.StatusForbidden, "manage": http.StatusOK} {
		if p := w.get(subscription+"/body", "Cookie", w.signIn(scope)); p.Status != want {
			t.Errorf("a %s downloads the bytes: %d, want %d", scope, p.Status, want)
		}
	}
	mustContain(t, w.get(subscription, "Cookie", w.signIn("manage")).Body, "hooks.example.org/secret")
}

func TestAuditEverywhere_ForAdministratorsAlone_HasAllSuitesNewestFirst(t *testing.T) {
	t.Parallel()
	w := newGuardedWorld(t)
	w.actor = "bot"
	for i := range 30 { // more than a page, two at each instant
		w.submit("default", "nts", "graviton", fmt.Sprint(i+1), noon.Add(time.Duration(i)*time.Minute), test{"name": "t", "execution_time": 1.0})
		w.submit("other", "nts", "zen", fmt.Sprint(i+1), noon.Add(time.Duration(i)*time.Minute), test{"name": "t", "execution_time": 1.0})
	}
	w.actor = "ada"
	w.decide("default", "nts", event.MachineRenamed, noon, []byte(`{"machine":"graviton","name":"graviton-renamed"}`), nil)
	w.decide("other", "nts", event.MachineRenamed, noon, []byte(`{"machine":"zen","name":"zen-renamed"}`), nil)
	w.decide("other", "nts", event.SubscriptionSet, noon.Add(time.Hour), []byte(
		`{"id":"6b3c1f6e-3a55-4c0e-9d1a-111111111111","name":"team","channel":"webhook","target":"https://hooks.example.org/secret"}`), nil)
	w.flush()
	for scope, want := range map[string]int{"": http.StatusForbidden, "read": http.StatusForbidden, "manage": http.StatusForbidden, "admin": http.StatusOK} {
		var header []string
		if scope != "" {
			header = []string{"Cookie", w.signIn(scope)}
		}
		if p := w.get("/admin/audit", header...); p.Status != want || want != http.StatusOK && strings.Contains(p.Body, "graviton-renamed") {
			t.Errorf("%q: %d, want %d", scope, p.Status, want)
		}
	}
	cookie := w.signIn("admin")
	ask := func(query string) string {
		t.Helper()
		p := w.get("/admin/audit"+query, "Cookie", cookie)
		if p.Status != http.StatusOK || p.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%s: %d %s\n%s", query, p.Status, p.Header.Get("Cache-Control"), p.Body)
		}
		return p.Body
	}
	page := ask("")
	mustContain(t, page, "default/nts", "other/nts", "named graviton-renamed", "named zen-renamed", "named team", `href="/db_other/v4/nts/audit"`, `href="/db_other/v4/nts/receipts/`, `<option>other</option>`)
	mustNotContain(t, page, "run submitted</a>", "hooks.example.org")
	mustContain(t, ask("?database=other&before=1/2/a/b"), `href="/admin/audit.csv?database=other"`)
	if strings.Index(page, "named team") > strings.Index(page, "named zen-renamed") {
		t.Error("what came last is not the first")
	}
	for query, want := range map[string]int{
		"": 3, "?show=all": 50, "?database=other": 2, "?database=other&show=all": 32, "?database=none": 0, "?actor=ADA": 3, "?actor=bot&show=all": 50,
		"?type=machine.renamed": 2, "?type=machine.renamed&database=default": 1, "?until=2026-03-13": 0,
	} {
		if got := strings.Count(ask(query), `<td class="lead">`); got != want {
			t.Errorf("%s: %d events, want %d", query, got, want)
		}
	}
	seen := map[string]bool{}
	for at, pages := "?show=all", 0; at != ""; pages++ {
		if pages > 20 {
			t.Fatal("the pages do not end")
		}
		body := ask(at)
		for _, m := range anyReceiptLink.FindAllStringSubmatch(body, -1) {
			if seen[m[1]] {
				t.Errorf("%s is on two pages", m[1])
			}
			seen[m[1]] = true
		}
		at = ""
		if m := olderLink.FindStringSubmatch(body); m != nil {
			at = html.UnescapeString(m[1])
		}
	}
	if len(seen) != 63 {
		t.Errorf("%d events on all pages, want 63", len(seen))
	}
	file := w.get("/admin/audit.csv?database=other", "Cookie", cookie)
	mustNotContain(t, file.Body, "hooks.example.org", "graviton-renamed")
	lines, err := csv.NewReader(strings.NewReader(file.Body)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) != 3 || len(lines[0]) != 12 || lines[0][0] != "database" || lines[1][0] != "other" || lines[1][1] != "nts" || lines[2][5] != "machine.renamed" {
		t.Errorf("%d lines: %v", len(lines), lines)
	}
	if file.Header.Get("Cache-Control") != "no-store" || !strings.HasPrefix(file.Header.Get("Content-Type"), "text/csv") {
		t.Errorf("headers of the file: %v", file.Header)
	}
	if p := w.get("/admin/audit.csv", "Cookie", w.signIn("manage")); p.Status != http.StatusForbidden {
		t.Errorf("the file for who manages: %d", p.Status)
	}
	for _, query := range []string{"?before=x", "?before=1/2", "?before=-1/1/a/b", "?type=none", "?database=%00"} {
		if p := w.get("/admin/audit"+query, "Cookie", cookie); p.Status != http.StatusBadRequest {
			t.Errorf("%s: %d", query, p.Status)
		}
	}
}

// anyReceiptLink finds the pages of single events, in any suite.
var anyReceiptLink = regexp.MustCompile(`href="(/db_\w+/v4/nts/receipts/[0-9a-f-]{36})"`)

// olderLink leads to the next page of a list.
var olderLink = regexp.MustCompile(`href="([^"]+)">Older`)
