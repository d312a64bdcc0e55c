package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// asked is a request that a command sent.
type asked struct{ Method, URL, Body, Token string }

// answering is a server that answers everything alike, and notes what it was asked.
func answering(t *testing.T, status int, body string) (string, *[]asked) {
	t.Helper()
	var seen []asked
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		seen = append(seen, asked{r.Method, r.URL.String(), strings.TrimSpace(string(text)), r.Header.Get("AuthToken")})
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	return s.URL, &seen
}

// printed is what a command prints, and its exit code.
func printed(t *testing.T, args ...string) (string, int) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	before := os.Stdout
	os.Stdout = w
	text := make(chan string)
	go func() {
		all, _ := io.ReadAll(r)
		text <- string(all)
	}()
	code := run(t.Context(), args)
	os.Stdout = before
	_ = w.Close()
	return <-text, code
}

// These change the process's output, so they do not run beside each other.
func TestRESTCommands_Requests_AreTheAPIs(t *testing.T) { //nolint:paralleltest // see above
	for args, want := range map[string]asked{
		"regressions list --state active,verify --machine m --as-of 7":                      {"GET", "/api/v5/nts/regressions?as_of=7&limit=1000&machine=m&order=effect&state=active%2Cverify", "", ""},
		"regressions show 3 --db perf --suite lib":                                          {"GET", "/api/db_perf/v5/lib/regressions/3", "", ""},
		"regressions show 3 --history":                                                      {"GET", "/api/v5/nts/regressions/3/history", "", ""},
		"regressions triage 1 2 --state fixed --note ok --token s":                          {"POST", "/api/v5/nts/regressions/triage", `{"changes":{"state":"fixed"},"ids":["1","2"],"note":"ok"}`, "s"},
		"regressions triage --filter state=detected --owner= -n":                            {"POST", "/api/v5/nts/regressions/triage", `{"changes":{"owner":""},"dry_run":true,"filter":{"state":"detected"},"note":""}`, ""},
		"regressions merge 1 2":                                                             {"POST", "/api/v5/nts/regressions/merge", `{"note":"","regressions":["1","2"]}`, ""},
		"regressions split 1 7 8 --note why":                                                {"POST", "/api/v5/nts/regressions/1/split", `{"findings":["7","8"],"note":"why"}`, ""},
		"regressions undo 12 --reason oops":                                                 {"POST", "/api/v5/nts/regressions/undo", `{"reason":"oops","seq":12}`, ""},
		"findings list --shadow --kind regression":                                          {"GET", "/api/v5/nts/findings?kind=regression&limit=1000&shadow=true", "", ""},
		"findings dismiss 4 --restore":                                                      {"POST", "/api/v5/nts/findings/dismiss", `{"ids":["4"],"note":"","restore":true}`, ""},
		"why --machine m --test t --metric s --order 9 --param t=9":                         {"GET", "/api/v5/nts/why?around=3&machine=m&metric=s&order=9&param.t=9&test=t", "", ""},
		"why --machine m --test t --metric s --order 9 --as-of 7":                           {"GET", "/api/v5/nts/why?around=3&as_of=7&machine=m&metric=s&order=9&test=t", "", ""},
		"detectors shadow --detector otava":                                                 {"GET", "/api/v5/nts/detectors/shadow?detector=otava", "", ""},
		"detectors list":                                                                    {"GET", "/api/v5/nts/detectors", "", ""},
		"detectors show steps":                                                              {"GET", "/api/v5/nts/detectors/steps", "", ""},
		"detectors set steps --mode off --test a* --param min_t=4":                          {"POST", "/api/v5/nts/detectors/rules", `{"detector":"steps","dry_run":false,"mode":"off","params":{"min_t":"4"},"test":"a*"}`, ""},
		"detectors unset steps --test a* --shadow":                                          {"DELETE", "/api/v5/nts/detectors/rules?detector=steps&shadow=true&test=a%2A", "", ""},
		"detectors history --detector steps":                                                {"GET", "/api/v5/nts/detectors/rules/history?detector=steps", "", ""},
		"subscriptions list":                                                                {"GET", "/api/v5/nts/subscriptions", "", ""},
		"baselines list":                                                                    {"GET", "/api/v5/nts/baselines", "", ""},
		"baselines set v19 501 --comment shipped":                                           {"POST", "/api/v5/nts/baselines", `{"comment":"shipped","name":"v19","order":"501"}`, ""},
		"baselines remove v1.9-rc":                                                          {"DELETE", "/api/v5/nts/baselines/v1.9-rc", "", ""},
		"subscriptions remove 1":                                                            {"DELETE", "/api/v5/nts/subscriptions/1", "", ""},
		"subscriptions add ada --channel email --target a@b.c --kinds signal --every daily": {"POST", "/api/v5/nts/subscriptions", `{"channel":"email","every":"daily","kinds":["signal"],"machine":"","metric":"","min_effect":0,"name":"ada","on":[],"target":"a@b.c","test":""}`, ""},
	} {
		url, seen := answering(t, http.StatusOK, `{"items":[]}`)
		if text, code := printed(t, append(strings.Fields(args), "--server", url)...); code != 0 {
			t.Errorf("%s: exit code %d, %s", args, code, text)
		}
		if diff := cmp.Diff([]asked{want}, *seen); diff != "" {
			t.Errorf("%s: %s", args, diff)
		}
	}
}

func TestRESTCommands_DryRuns_SendNothing(t *testing.T) { //nolint:paralleltest // changes the process's output
	for _, args := range []string{
		"regressions merge 1 2 -n", "regressions split 1 2 -n", "regressions undo 3 -n", "detectors unset steps -n", "subscriptions remove 1 -n", "baselines set a 1 -n", "baselines remove a -n",
		"subscriptions add a --channel email --target a@b.c -n",
	} {
		url, seen := answering(t, http.StatusOK, `{}`)
		text, code := printed(t, append(strings.Fields(args), "--server", url)...)
		var told struct {
			DryRun bool `json:"dry_run"`
			Method string
			URL    string
		}
		if err := json.Unmarshal([]byte(text), &told); err != nil || !told.DryRun || told.Method == "" || !strings.HasPrefix(told.URL, url) || code != 0 {
			t.Errorf("%s: %d %q %v", args, code, text, err)
		}
		if len(*seen) != 0 {
			t.Errorf("%s: sent %v", args, *seen)
		}
	}
}

func TestRESTCommands_ExitCodes_TellRefusedFromUnreachable(t *testing.T) { //nolint:paralleltest // changes the process's output
	for status, want := range map[int]int{200: 0, 400: 1, 401: 1, 404: 1, 409: 1, 500: 2, 503: 2} {
		url, _ := answering(t, status, `{"error":{"code":"x","message":"because"}}`)
		for _, args := range []string{"regressions undo 3", "findings list", "detectors rules", "why --machine m --test t --metric s --order 9"} {
			if _, code := printed(t, append(strings.Fields(args), "--server", url)...); code != want {
				t.Errorf("%s: %d gives exit code %d, want %d", args, status, code, want)
			}
		}
	}
	if _, code := printed(t, "findings", "list", "--server", "http://127.0.0.1:1"); code != 2 {
		t.Errorf("a server that is not there gives exit code %d", code)
	}
	if _, code := printed(t, "findings", "list", "--kind", "odd"); code != 2 {
		t.Errorf("a flag with a wrong value gives exit code %d", code)
	}
}

func TestRESTCommands_Formats_HaveTheSameColumns(t *testing.T) { //nolint:paralleltest // changes the process's output
	url, _ := answering(t, http.StatusOK, `{"items":[{"number":3,"state":"active","kind":"regression","cause":"code","title":"slower, much","tags":["a","b"],
 "commit":{"after":"10","up_to":"11"},"effect":{"total":0.25,"largest":0.5,"findings":2,"tests":1,"machines":1}}],"cursor":{"next":null,"previous":null}}`)
	text, _ := printed(t, "regressions", "list", "--server", url, "--format", "csv")
	want := "number,state,kind,cause,total_effect,largest_effect,findings,tests,machines,after,up_to,owner,tags,bug,title\n" +
		"3,active,regression,code,0.25,0.5,2,1,1,10,11,,\"a,b\",,\"slower, much\"\n"
	if diff := cmp.Diff(want, text); diff != "" {
		t.Error(diff)
	}
	if text, _ = printed(t, "regressions", "list", "--server", url, "--format", "table"); !strings.HasPrefix(text, "NUMBER  STATE   KIND") || strings.Count(text, "\n") != 2 {
		t.Error(text)
	}
	var items []map[string]any
	text, _ = printed(t, "regressions", "list", "--server", url, "--format", "json")
	if err := json.Unmarshal([]byte(text), &items); err != nil || len(items) != 1 || items[0]["title"] != "slower, much" {
		t.Errorf("%v in %s", err, text)
	}
}

func TestRESTCommands_Why_TellsTheOrderItselfFirstAndNeighboursInALine(t *testing.T) { //nolint:paralleltest // changes the process's output
	url, _ := answering(t, http.StatusOK, `{"order":"9","note":"","places":[
 {"order":"8","finding":false,"effect":0.01,"stopped_by":"t","checks":[{"name":"n","value":5,"threshold":5,"passed":true},{"name":"t","value":2,"threshold":7,"passed":false}]},
 {"order":"9","finding":true,"effect":0.1,"stopped_by":"","checks":[{"name":"n","value":6,"threshold":5,"passed":true},{"name":"t","value":9,"threshold":7,"passed":true}]}]}`)
	ask := []string{"why", "--machine", "m", "--test", "t", "--metric", "s", "--order", "9", "--server", url, "--format", "csv"}
	const head, own = "order,effect,stopped_by,check,value,threshold,result\n", "9,0.1,,n,6,5,passed\n9,0.1,,t,9,7,passed\n"
	text, _ := printed(t, ask...)
	if diff := cmp.Diff(head+own+"8,0.01,t,t,2,7,no change\n", text); diff != "" {
		t.Error(diff)
	}
	text, _ = printed(t, append(ask, "--all")...)
	if diff := cmp.Diff(head+"8,0.01,t,n,5,5,passed\n8,0.01,t,t,2,7,stopped\n"+own, text); diff != "" {
		t.Error(diff)
	}
}

func TestRESTCommands_ShadowScores_AreATable(t *testing.T) { //nolint:paralleltest // changes the process's output
	url, _ := answering(t, http.StatusOK, `{"items":[{"detector":"otava","rules":[{}],"found":4,"agreed":3,"alone":1,"missed":1,"found_real":2,"found_not_real":0,"agreement":0.75,"covered":0.75,"precision":null}]}`)
	text, _ := printed(t, "detectors", "shadow", "--server", url, "--format", "csv")
	want := "detector,rules,found,agreed,alone,missed,real,not_real,agreement,covered,precision\notava,1,4,3,1,1,2,0,0.75,0.75,\n"
	if diff := cmp.Diff(want, text); diff != "" {
		t.Error(diff)
	}
}
