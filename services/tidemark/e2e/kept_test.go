package e2e

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// Promise: what is visible when a submission is answered is visible to every reader from then on, whatever was kept before.
func TestAnswers_KeptThroughAnyWrites_AreThoseMadeAnew(t *testing.T) {
	s := shared(t)
	pages := s.url + "/db_" + s.database + "/v4/nts"
	v4, v5 := s.url+"/api/db_"+s.database+"/v4/nts/", s.url+"/api/db_"+s.database+"/v5/nts/"
	addresses := []string{
		s.url + "/db_" + s.database, pages, pages + "/1", pages + "/machine/1", pages + "/graph/data?plot.0=1.1.2", pages + "/all_orders", pages + "/regressions",
		pages + "/subscriptions", pages + "/search?q=alpha", v4 + "machines", v4 + "runs/1", v4 + "tests", v5 + "regressions", v5 + "subscriptions", v5 + "detectors/rules/history",
	}
	write := func(method, address, body string) {
		t.Helper()
		if a := mustAsk(t, method, address, []byte(body), "AuthToken", token, "Content-Type", "application/json"); a.code >= 300 {
			t.Fatalf("%s %s: %d %s", method, address, a.code, a.text)
		}
	}
	s.submit(t, reportOf("m", "1"))
	runs := []int{1}
	known := map[string]answer{}
	for step, what := range []string{"a submission", "a submission", "a rule", "a run deleted", "a subscription", "a submission"} {
		switch what {
		case "a run deleted":
			write(http.MethodDelete, v4+"runs/"+strconv.Itoa(runs[1]), "") // the first is asked for
		case "a rule":
			write(http.MethodPost, v5+"detectors/rules", `{"detector":"steps","machine":"m","reason":"`+strconv.Itoa(step)+`"}`)
		case "a subscription":
			write(http.MethodPost, v5+"subscriptions", `{"name":"s`+strconv.Itoa(step)+`","channel":"webhook","target":"http://127.0.0.1:9/`+strconv.Itoa(step)+`"}`)
		default:
			run, _ := s.submit(t, reportOf("m"+strconv.Itoa(step%2), strconv.Itoa(step+2)))
			runs = append(runs, run)
			if a := mustAsk(t, http.MethodGet, v4+"runs/"+strconv.Itoa(run), nil); a.code != http.StatusOK {
				t.Fatalf("run %d is not there though its submission was answered: %d", run, a.code)
			}
		}
		for _, address := range addresses {
			before := known[address]
			got := mustAsk(t, http.MethodGet, address, nil, "Accept", "text/html", "If-None-Match", before.header.Get("ETag"))
			at := standing(got)
			if got.code == http.StatusNotModified {
				got = before
			}
			fresh := mustAsk(t, http.MethodGet, address, nil, "Accept", "text/html", "Cache-Control", "no-cache")
			if got.code != http.StatusOK || fresh.code != http.StatusOK {
				t.Fatalf("%s after %s: %d and %d %s", address, what, got.code, fresh.code, fresh.text)
			}
			// The detector may have written between the two: then neither is wrong, and their tags tell.
			if !bytes.Equal([]byte(got.text), []byte(fresh.text)) && at == standing(fresh) {
				t.Errorf("%s after %s (step %d) is not what it is when made anew:\n%s\n%s", address, what, step, got.text, fresh.text)
			}
			known[address] = fresh
		}
	}
	if s.metric(t, "tidemark_answers_total") == 0 {
		t.Error("nothing was kept")
	}
}

// standing is the part of a tag that tells the question and where the data stand.
func standing(a answer) string {
	at, _, _ := strings.Cut(a.header.Get("ETag"), "-")
	return at
}
