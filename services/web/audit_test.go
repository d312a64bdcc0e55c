package web_test

import (
	"encoding/csv"
	"net/http"
	"strings"
	"testing"

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
