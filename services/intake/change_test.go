package intake

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidemark/pkg/auth"
	"tidemark/pkg/event"
)

var withToken = header{"AuthToken", testToken}

// kind is a content type.
func kind(media string) header { return header{"Content-Type", media} }

const (
	api  = "/api/db_default/v4/nts/"
	form = "application/x-www-form-urlencoded"
)

// report is a report of a machine at an order.
func reportOn(machine, order string) []byte {
	return []byte(`{"format_version": "2", "machine": {"name": "` + machine + `", "hardware": "aarch64"},
 "run": {"start_time": "2026-02-03T04:05:06", "llvm_project_revision": "` + order + `"}, "tests": [{"name": "a", "execution_time": 1}]}`)
}

// fill submits runs of a machine at the orders 1 to n.
func (b *bench) fill(t *testing.T, machine string, n int) {
	t.Helper()
	for i := range n {
		if r := b.post(t, api+"runs", reportOn(machine, fmt.Sprint(i+1)), withToken); r.status != http.StatusMovedPermanently {
			t.Fatalf("fill: %d %s", r.status, r.text)
		}
	}
}

// null is LNT's answer to most changes.
func (r reply) null(t *testing.T) {
	t.Helper()
	if r.status != http.StatusOK || r.text != "null" || r.header.Get("Content-Type") != "application/json" || r.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Fatalf("got %d %q %v", r.status, r.text, r.header)
	}
}

// lastEvent is the newest event of the log.
func (m *memoryLog) lastEvent(t *testing.T) event.Envelope {
	t.Helper()
	all := m.all()
	if len(all) == 0 {
		t.Fatal("the log is empty")
	}
	return all[len(all)-1]
}

func TestDeleteRun_IsRetractedByOneEvent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fill(t, "m", 2)
	b.do(t, http.MethodDelete, api+"runs/2", nil, withToken).null(t)
	e := b.log.lastEvent(t)
	if e.Type != event.RunRetracted || string(e.Body) != `{"run_id":2}` || e.Actor != auth.ConfiguredName || e.Key() != "default/nts" || e.ContentType != "application/json" {
		t.Errorf("event %+v with body %s", e, e.Body)
	}
	b.do(t, http.MethodDelete, api+"runs/2", nil, withToken).want(t, 404, "msg", "Did not find run 2")
	b.do(t, http.MethodDelete, api+"runs/99999999999", nil, withToken).want(t, 404, "msg", "Did not find run 99999999999")
}

func TestPutMachine_ReplacesAllOfIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fill(t, "my bot", 1)
	body := `{"generated_by": "x", "machine": {"id": 7, "name": "my bot", "os": "linux", "cores": 8, "tags": ["a"]}, "runs": []}`
	// curl's default content type is a form's; LNT answers 500 to that.
	for _, media := range []string{"application/json", form} {
		b.do(t, http.MethodPut, api+"machines/my%20bot", []byte(body), withToken, kind(media)).null(t)
		e := b.log.lastEvent(t)
		want := `{"machine":"my bot","values":{"id":7,"name":"my bot","os":"linux","cores":8,"tags":["a"]}}`
		if e.Type != event.MachineUpdated || string(e.Body) != want {
			t.Errorf("event %s with body %s, want %s", e.Type, e.Body, want)
		}
	}
}

func TestPostMachine_RenamesAsQueryOrFormSay(t *testing.T) {
	t.Parallel()
	var multi bytes.Buffer
	w := multipart.NewWriter(&multi)
	_ = w.SetBoundary("edge")
	_ = w.WriteField("action", "rename")
	_ = w.WriteField("name", "new name")
	_ = w.Close()
	for name, c := range map[string]struct{ path, body, media, want string }{
		"form":              {"m", "action=rename&name=new+name", form, "new name"},
		"multipart":         {"m", multi.String(), "multipart/form-data; boundary=edge", "new name"},
		"query":             {"m?action=rename&name=new%20name", "", "", "new name"},
		"query before form": {"m?action=rename&name=query", "name=form&action=merge", form, "query"},
		"both together":     {"1?action=rename", "name=form", form, "form"},
		"first of several":  {"m", "action=rename&name=a&name=b", form, "a"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.fill(t, "m", 1)
			b.post(t, api+"machines/"+c.path, []byte(c.body), withToken, kind(c.media)).null(t)
			e := b.log.lastEvent(t)
			got, err := event.DecodeMachineRename(e.Body)
			if err != nil || e.Type != event.MachineRenamed || got.Name != c.want || got.Machine != c.path[:1] {
				t.Errorf("event %s with body %s, want %q", e.Type, e.Body, c.want)
			}
		})
	}
}

func TestPostMachine_MergesIntoAnother(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fill(t, "m", 1)
	b.fill(t, "other", 1)
	b.post(t, api+"machines/m", []byte("action=merge&into=2"), withToken, kind(form)).null(t)
	if e := b.log.lastEvent(t); e.Type != event.MachineMerged || string(e.Body) != `{"machine":"m","into":"2"}` {
		t.Errorf("event %s with body %s", e.Type, e.Body)
	}
	b.post(t, api+"machines/m", []byte("action=merge&into=2"), withToken, kind(form)).want(t, 404, "msg", "Did not find machine 'm'")
}

func TestDeleteMachine_TellsTheRunsTenToALine(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{
		0:  "",
		2:  "Deleting runs 1 2 (2/2)\n",
		10: "Deleting runs 1 2 3 4 5 6 7 8 9 10 (10/10)\n",
		21: "Deleting runs 1 2 3 4 5 6 7 8 9 10 (10/21)\nDeleting runs 11 12 13 14 15 16 17 18 19 20 (20/21)\nDeleting runs 21 (21/21)\n",
	} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.fill(t, "my bot", max(n, 1))
			if n == 0 {
				b.do(t, http.MethodDelete, api+"runs/1", nil, withToken).null(t)
			}
			r := b.do(t, http.MethodDelete, api+"machines/my%20bot", nil, withToken)
			if r.status != 200 || r.text != want+"Deleted machine my bot:1\n" {
				t.Errorf("got %d\n%s", r.status, r.text)
			}
			if media := r.header.Get("Content-Type"); media != "text/plain; charset=utf-8" || r.header.Get("Access-Control-Allow-Origin") != "" || r.header.Get("Content-Length") != "" {
				t.Errorf("headers %v", r.header)
			}
			b.do(t, http.MethodDelete, api+"machines/1", nil, withToken).want(t, 404, "msg", "Did not find machine '1'")
		})
	}
}

func TestChanges_WhatLNTRefuses_IsRefusedInItsWords(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fill(t, "m", 1)
	b.fill(t, "other", 1)
	split := []byte(strings.Replace(string(reportOn("twin", "1")), "aarch64", "x86", 1))
	b.post(t, api+"runs", reportOn("twin", "1"), withToken)
	b.post(t, api+"runs?select_machine=split", split, withToken)
	before := len(b.log.all())
	machines := api + "machines/"
	for name, c := range map[string]struct {
		method, path, body, media string
		status                    int
		key, text                 string
	}{
		"no action":            {"POST", machines + "m", "", form, 400, "msg", "No 'action' specified"},
		"action in JSON":       {"POST", machines + "m", `{"action":"rename","name":"x"}`, "application/json", 400, "msg", "No 'action' specified"},
		"unknown action":       {"POST", machines + "m", "action=drop", form, 400, "msg", "Unknown action 'drop'"},
		"rename to nothing":    {"POST", machines + "m", "action=rename", form, 400, "msg", "Expected 'name' for rename request"},
		"rename to ''":         {"POST", machines + "m", "action=rename&name=", form, 400, "msg", "Expected 'name' for rename request"},
		"rename to known":      {"POST", machines + "m", "action=rename&name=other", form, 400, "msg", "Machine with name 'other' already exists"},
		"rename to itself":     {"POST", machines + "m", "action=rename&name=m", form, 400, "msg", "Machine with name 'm' already exists"},
		"rename unknown":       {"POST", machines + "nope", "action=rename&name=x", form, 404, "msg", "Did not find machine 'nope'"},
		"rename ambiguous":     {"POST", machines + "twin", "action=rename&name=x", form, 404, "msg", "Name 'twin' is ambiguous; specify machine id"},
		"merge into nothing":   {"POST", machines + "m", "action=merge", form, 400, "msg", "Expected 'into' for merge request"},
		"merge into ''":        {"POST", machines + "m", "action=merge&into=", form, 404, "msg", "Did not find machine ''"},
		"merge into unknown":   {"POST", machines + "m", "action=merge&into=nope", form, 404, "msg", "Did not find machine 'nope'"},
		"merge into id":        {"POST", machines + "m", "action=merge&into=77", form, 404, "msg", "Did not find machine '77'"},
		"merge into ambiguous": {"POST", machines + "m", "action=merge&into=twin", form, 404, "msg", "Name 'twin' is ambiguous; specify machine id"},
		"merge into itself":    {"POST", machines + "m", "action=merge&into=1", form, 400, "msg", "Machine 'm' cannot be merged into itself"},
		"bad form":             {"POST", machines + "m", "action=%zz", form, 400, "msg", "could not parse the form body: byte 8: % is not followed by two hexadecimal digits"},
		"bad multipart":        {"POST", machines + "m", "x", "multipart/form-data", 400, "msg", "multipart Content-Type names no boundary of 1 to 70 characters"},
		"delete unknown":       {"DELETE", machines + "nope", "", "", 404, "msg", "Did not find machine 'nope'"},
		"delete ambiguous":     {"DELETE", machines + "twin", "", "", 404, "msg", "Name 'twin' is ambiguous; specify machine id"},
		"put unknown":          {"PUT", machines + "nope", `{"machine":{}}`, "application/json", 404, "msg", "Did not find machine 'nope'"},
		"put another name":     {"PUT", machines + "m", `{"machine":{"name":"x"}}`, "application/json", 400, "msg", "Mismatching machine name: 'x' is not 'm'"},
		"put no machine":       {"PUT", machines + "m", `{}`, "application/json", 400, "msg", "Expected an object 'machine' in the body"},
		"put a list":           {"PUT", machines + "m", `{"machine":[]}`, "application/json", 400, "msg", "Expected an object 'machine' in the body"},
		"put no JSON":          {"PUT", machines + "m", `{`, "application/json", 400, "msg", "The body is not a JSON object: unexpected end of JSON input"},
		"put too much":         {"PUT", machines + "m", `{"machine":{"a":"` + strings.Repeat("x", maxMachineBody) + `"}}`, "application/json", 413, "msg", "the body exceeds the limit of 1048576 bytes"},
		"run unknown":          {"DELETE", api + "runs/77", "", "", 404, "msg", "Did not find run 77"},
		"run without a number": {"DELETE", api + "runs/abc", "", "", 404, "error", textNoPage},
		"run with a slash":     {"DELETE", api + "runs/1/", "", "", 404, "error", textNoPage},
		"machine with a slash": {"DELETE", machines + "m/", "", "", 404, "error", textNoPage},
		"unknown suite":        {"DELETE", "/api/db_default/v4/nope/runs/1", "", "", 404, "message", noSuchURL},
		"no suite's name":      {"DELETE", "/api/db_default/v4/n-o/machines/1", "", "", 404, "message", noSuchURL},
		"unknown database":     {"DELETE", "/api/db_nope/v4/nts/runs/1", "", "", 404, "message", "Unknown database."},
		"encoding":             {"POST", "/api/db_nope/v4/nts/machines/1", "", "", 404, "message", "Unknown database."},
	} {
		r := b.do(t, c.method, c.path, []byte(c.body), withToken, kind(c.media))
		if r.status != c.status || r.body[c.key] != c.text || len(r.body) != 1 {
			t.Errorf("%s: got %d %s, want %d {%q: %q}", name, r.status, r.text, c.status, c.key, c.text)
		}
		if c.key != "error" && r.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: no CORS header", name)
		}
	}
	for _, e := range b.log.all()[before:] {
		if e.Type == event.SubmissionRefused {
			t.Errorf("a refused change is in the log as a submission: %+v", e)
		}
	}
	// Nothing changed: what was there is there.
	b.do(t, http.MethodPut, machines+"m", []byte(`{"machine":{"name":"m"}}`), withToken).null(t)
	b.do(t, http.MethodDelete, api+"runs/1", nil, withToken).null(t)
}

func TestChanges_WrongMethods_Are405WithAllow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, c := range []struct{ method, path, allow string }{
		{"PATCH", "machines/m", "DELETE, GET, HEAD, OPTIONS, POST, PUT"},
		{"PUT", "runs/1", "DELETE, GET, HEAD, OPTIONS"},
		{"POST", "runs/1", "DELETE, GET, HEAD, OPTIONS"},
		{"DELETE", "runs", "OPTIONS, POST"},
		{"GET", "runs", "OPTIONS, POST"},
		{"GET", "runs/", "OPTIONS, POST"},
		{"DELETE", "schema", "GET, HEAD, OPTIONS, POST"},
		{"PUT", "schema/", "GET, HEAD, OPTIONS, POST"},
		{"GET", "seed", "OPTIONS, POST"},
	} {
		r := b.do(t, c.method, api+c.path, nil)
		if r.status != 405 || r.body["message"] != "The method is not allowed for the requested URL." || r.header.Get("Allow") != c.allow || r.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s %s: got %d %s, %v", c.method, c.path, r.status, r.text, r.header)
		}
		if r := b.do(t, "OPTIONS", api+c.path, nil); r.status != 200 || r.header.Get("Allow") != c.allow || r.text != "" {
			t.Errorf("OPTIONS %s: got %d %q, %v", c.path, r.status, r.text, r.header)
		}
	}
	// Reading is somebody else's.
	b.do(t, "GET", api+"machines/m", nil).want(t, 404, "error", textNoPage)
	b.do(t, "PATCH", api+"runs/abc", nil).want(t, 404, "error", textNoPage)
}

func TestChanges_WithoutTheToken_AreRefusedAndNotRead(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Config, *memoryLog){
		"configured":     func(*Config, *memoryLog) {},
		"not configured": func(c *Config, _ *memoryLog) { c.Token = "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, change)
			for _, c := range []struct{ method, path string }{
				{"PUT", "machines/1"},
				{"POST", "machines/1"},
				{"DELETE", "machines/1"},
				{"DELETE", "runs/1"},
				{"POST", "schema"},
				{"POST", "seed"},
				{"POST", "runs"},
			} {
				for _, h := range []header{{"X", "y"}, {"AuthToken", "wrong"}, {"AuthToken", ""}, {"Authorization", "Bearer wrong"}, {"Authorization", "Basic " + testToken}} {
					r := b.do(t, c.method, api+c.path, []byte("{}"), h)
					r.want(t, 401, "msg", textNoToken)
					if r.header.Get("Access-Control-Allow-Origin") != "*" {
						t.Errorf("no CORS header")
					}
				}
				// A database that is not there is told of first, as LNT does.
				b.do(t, c.method, strings.Replace(api, "default", "nope", 1)+c.path, nil).want(t, 404, "message", "Unknown database.")
			}
			if n := len(b.log.all()); n != 0 {
				t.Errorf("%d events", n)
			}
		})
	}
}

// holder is a token and its secret.
func holder(t *testing.T, name string, scope auth.Scope, databases ...string) (auth.Token, header) {
	t.Helper()
	token, secret, err := auth.Issue(name, scope, databases, nil)
	if err != nil {
		t.Fatal(err)
	}
	return token, header{"Authorization", "Bearer " + secret}
}

func TestTokens_EachScope_MayWhatItMayAndNoMore(t *testing.T) {
	t.Parallel()
	var tokens []auth.Token
	secrets := map[auth.Scope]header{}
	for scope := auth.Read; scope <= auth.Admin; scope++ {
		token, secret := holder(t, "the-"+scope.String(), scope)
		tokens, secrets[scope] = append(tokens, token), secret
	}
	elsewhere, foreign := holder(t, "elsewhere", auth.Admin, "perf")
	b := setup(t, func(c *Config, _ *memoryLog) { c.Token, c.Tokens = "", slices.Concat(tokens, []auth.Token{elsewhere}) })
	run := string(reportOf("1"))
	for _, c := range []struct {
		method, path, body, media string
		needs                     auth.Scope
		status                    int
	}{
		{"POST", "runs?merge=append", run, "", auth.Submit, 301},
		{"POST", "runs?merge=append&keep_run_id=", run, "", auth.Submit, 301},
		{"PUT", "machines/nope", `{"machine":{}}`, "", auth.Manage, 404},
		{"POST", "machines/nope?action=rename&name=x", "", "", auth.Manage, 404},
		{"DELETE", "machines/nope", "", "", auth.Manage, 404},
		{"DELETE", "runs/777", "", "", auth.Manage, 404},
		{"POST", "schema", "x", "text/yaml", auth.Manage, 400},
		{"POST", "seed", "{}", "", auth.Admin, 200},
		{"POST", "runs?merge=append&keep_machine_id=1", run, "", auth.Admin, 301},
	} {
		for scope, secret := range secrets {
			r := b.do(t, c.method, api+c.path, []byte(c.body), secret, kind(c.media))
			if scope < c.needs {
				needs := c.needs
				if scope < auth.Submit && strings.HasPrefix(c.path, "runs?") {
					needs = auth.Submit // to begin with
				}
				r.want(t, 403, "msg", fmt.Sprintf("Token 'the-%s' has the scope '%s'; this needs '%s'.", scope, scope, needs))
				continue
			}
			if r.status != c.status {
				t.Errorf("%s %s as %s: got %d %s, want %d", c.method, c.path, scope, r.status, r.text, c.status)
			}
			if c.status != 400 && b.log.lastEvent(t).Actor != "the-"+scope.String() {
				t.Errorf("%s %s as %s: actor is %q", c.method, c.path, scope, b.log.lastEvent(t).Actor)
			}
		}
		r := b.do(t, c.method, api+c.path, []byte(c.body), foreign, kind(c.media))
		r.want(t, 403, "msg", "Token 'elsewhere' is not for database 'default'.")
		// LNT's own header carries our tokens, too.
		lnt := header{"AuthToken", strings.TrimPrefix(secrets[auth.Read].value, "Bearer ")}
		if r := b.do(t, c.method, api+c.path, []byte(c.body), lnt, kind(c.media)); r.status != 403 {
			t.Errorf("%s %s: got %d %s", c.method, c.path, r.status, r.text)
		}
	}
	if strings.Contains(b.lines.String(), "tmk_") {
		t.Error("a secret is in the log")
	}
}

func TestTokens_WhereAnyoneMaySubmit_TheyOnlyLendTheirName(t *testing.T) {
	t.Parallel()
	ci, secret := holder(t, "ci", auth.Read, "perf")
	b := setup(t, func(c *Config, _ *memoryLog) { c.Tokens = []auth.Token{ci} })
	for i, c := range []struct {
		header header
		actor  string
	}{
		{header{"X", "y"}, ""},
		{header{"AuthToken", "wrong"}, ""}, // as with LNT, which does not look
		{header{"Authorization", "Basic x"}, ""},
		{withToken, auth.ConfiguredName},
		{secret, "ci"},
	} {
		r := b.post(t, "/submitRun", reportOf(fmt.Sprint(i)), c.header)
		if r.status != 200 || b.log.lastEvent(t).Actor != c.actor {
			t.Errorf("%v: got %d %s, actor %q, want %q", c.header, r.status, r.text, b.log.lastEvent(t).Actor, c.actor)
		}
	}
	b.post(t, "/submitRun", reportOf("9"), header{"Authorization", "Bearer wrong"}).want(t, 401, "error", textNoToken)
	// Ids are kept for admins only, whoever may submit.
	keep := "/submitRun?keep_run_id=7"
	b.post(t, keep, reportOf("10")).want(t, 401, "error", textNoToken)
	b.post(t, keep, reportOf("10"), secret).want(t, 403, "error", "Token 'ci' has the scope 'read'; this needs 'admin'.")
	if r := b.post(t, keep, reportOf("10"), withToken); r.status != 200 || r.body["run_id"] != float64(7) {
		t.Errorf("got %d %s", r.status, r.text)
	}
	if r := b.post(t, "/submitRun", reportOf("11")); r.body["run_id"] != float64(8) {
		t.Errorf("serials do not go on from the largest: %s", r.text)
	}
	for _, bad := range []string{"0", "-1", "x", "4294967296", "2147483648", "1.5"} {
		b.post(t, "/submitRun?keep_machine_id="+bad, reportOf("12"), withToken).want(t, 400, "error", "keep_machine_id must be a number from 1 to 2147483647")
	}
	b.post(t, "/submitRun?keep_run_id=7", reportOf("13"), withToken).want(t, 409, "error", "another run has the id 7")
}

func TestTokens_WhereTheyAreRequired_SubmittingNeedsItsScope(t *testing.T) {
	t.Parallel()
	reader, readers := holder(t, "reader", auth.Read)
	bot, bots := holder(t, "bot", auth.Submit)
	b := setup(t, func(c *Config, _ *memoryLog) {
		c.Token, c.Tokens, c.RequireToken = "", []auth.Token{reader, bot}, true
	})
	b.post(t, "/submitRun", reportOf("1")).want(t, 401, "error", textNoToken)
	b.post(t, "/submitRun", reportOf("1"), readers).want(t, 403, "error", "Token 'reader' has the scope 'read'; this needs 'submit'.")
	if r := b.post(t, "/submitRun", reportOf("1"), bots); r.status != 200 || b.log.only(t).Actor != "bot" {
		t.Errorf("got %d %s", r.status, r.text)
	}
}

func TestNewDatabases_AreMadeByTheirFirstSubmission(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config, _ *memoryLog) { c.NewDatabases = true })
	if r := b.post(t, "/db_new-1/v4/nts/submitRun", reportOf("1")); r.status != 200 || b.log.only(t).Database != "new-1" {
		t.Errorf("got %d %s", r.status, r.text)
	}
	for _, bad := range []string{"a.b", "-a", "_a", "a%20b", "a%2Fb", strings.Repeat("a", 65), "%C3%A9"} {
		if r := b.post(t, "/db_"+bad+"/v4/nts/submitRun", reportOf("1")); r.status != 404 {
			t.Errorf("%s: got %d %s", bad, r.status, r.text)
		}
	}
	if n := len(b.log.all()); n != 1 {
		t.Errorf("%d events", n)
	}
}

const librarySchema = `format_version: '2'
name: lib
metrics:
- {name: size, type: Real, unit: bytes, unit_abbrev: B, display_name: Size}
- {name: count, bigger_is_better: true}
- {name: hash, type: Hash, ignore_same_hash: true}
run_fields:
- {name: revision, order: true}
- {name: git_sha}
- {name: build, order: true}
machine_fields:
- {name: os}
- {name: arch}
`

func TestPostSchema_DefinesTheSuiteAndShowsIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path := "/api/db_perf/v4/lib/schema"
	r := b.post(t, path, []byte(librarySchema), withToken, kind("application/x-yaml"))
	if r.status != 201 || r.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Fatalf("got %d %s", r.status, r.text)
	}
	golden(t, b, "schema_defined", r)
	e := b.log.only(t)
	if e.Type != event.SuiteDefined || e.Key() != "perf/lib" || !json.Valid(e.Body) {
		t.Errorf("event %+v", e)
	}
	// It is submitted to at once; orders have any name and number.
	run := `{"format_version": "2", "machine": {"name": "m"}, "run": {"revision": "1", "build": "2", "start_time": "2026-02-03T04:05:06"}, "tests": [{"name": "a", "size": 1}]}`
	if r := b.post(t, "/db_perf/v4/lib/submitRun", []byte(run)); r.status != 200 {
		t.Errorf("submit: %d %s", r.status, r.text)
	}
	// Defined again, with a slash and more in it.
	for _, media := range []string{"text/yaml", "TEXT/X-YAML; charset=utf-8"} {
		if r := b.post(t, path+"/", []byte(librarySchema+"- {name: cores}\n"), withToken, kind(media)); r.status != 201 {
			t.Errorf("%s: %d %s", media, r.status, r.text)
		}
	}
}

func TestPostSchema_WhatLNTRefuses_IsRefusedInItsWordsAndChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if r := b.post(t, "/api/db_default/v4/lib/schema", []byte(librarySchema), withToken, kind("text/yaml")); r.status != 201 {
		t.Fatal(r.text)
	}
	const head = "format_version: '2'\nname: foo\n"
	const order = "run_fields: [{name: rev, order: true}]\n"
	without := func(line string) string { return strings.Replace(librarySchema, line, "", 1) }
	for name, c := range map[string]struct {
		media, suite, body string
		status             int
		msg                string
	}{
		"JSON":             {"application/json", "foo", "{}", 415, "Unsupported Content-Type 'application/json'. Use application/x-yaml."},
		"no type":          {"", "foo", "x", 415, "Unsupported Content-Type ''. Use application/x-yaml."},
		"a form":           {form, "foo", "schema=x", 415, "Unsupported Content-Type 'application/x-www-form-urlencoded'. Use application/x-yaml."},
		"nothing":          {"text/yaml", "foo", "", 400, "No schema data provided."},
		"not YAML":         {"text/yaml", "foo", "a: [b", 400, "Invalid YAML schema payload: line 1: sequence end token ']' not found"},
		"a list":           {"text/yaml", "foo", "- a", 400, "Schema payload must be a YAML object."},
		"no name":          {"text/yaml", "foo", "a: b", 400, "Schema payload missing 'name'."},
		"bad name":         {"text/yaml", "foo", "name: 1foo", 400, "Invalid test suite name. Use letters, numbers, and underscores, starting with a letter."},
		"another name":     {"text/yaml", "foo", "name: bar", 400, "Schema name 'bar' does not match URL testsuite 'foo'."},
		"bad URL":          {"text/yaml", "a-b", "name: bar", 400, "Schema name 'bar' does not match URL testsuite 'a-b'."},
		"no version":       {"text/yaml", "foo", "name: foo", 400, `Expected "format_version": "2" in schema`},
		"no order":         {"text/yaml", "foo", head + "metrics: []", 400, ""},
		"no metrics":       {"text/yaml", "foo", head + order, 400, "'metrics'"},
		"type":             {"text/yaml", "foo", head + order + "metrics: [{name: a, type: Integer}]", 400, "Unknown metric type 'Integer'"},
		"reserved metric":  {"text/yaml", "foo", head + order + "metrics: [{name: profile}]", 400, `metrics[0].name: "profile" is reserved`},
		"reserved machine": {"text/yaml", "foo", head + order + "metrics: []\nmachine_fields: [{name: name}]", 400, `machine_fields[0].name: "name" is reserved`},
		"reserved run":     {"text/yaml", "foo", head + "run_fields: [{name: rev, order: true}, {name: start_time}]\nmetrics: []", 400, `run_fields[1].name: "start_time" is reserved`},
		"too large":        {"text/yaml", "foo", strings.Repeat("#", 257<<10), 413, "the body exceeds the limit of 262144 bytes"},
		"metric removed":   {"text/yaml", "lib", without("- {name: count, bigger_is_better: true}\n"), 400, "Cannot automatically migrate database: Metrics removed: count"},
		"type changed":     {"text/yaml", "lib", strings.Replace(librarySchema, "type: Hash", "type: Status", 1), 400, "Cannot automatically migrate database: Type mismatch in metric 'hash'"},
		"run field gone":   {"text/yaml", "lib", without("- {name: git_sha}\n"), 400, "Cannot automatically migrate database: Run fields removed: git_sha"},
		"machine gone":     {"text/yaml", "lib", without("- {name: os}\n"), 400, "Cannot automatically migrate database: Machine fields removed: os"},
		"order gone":       {"text/yaml", "lib", without("- {name: build, order: true}\n"), 400, "Cannot automatically migrate database: Order fields removed: build"},
		"order added":      {"text/yaml", "lib", strings.Replace(librarySchema, "machine_fields", "- {name: x, order: true}\nmachine_fields", 1), 400, "Cannot automatically migrate database: Cannot add order field 'x'"},
	} {
		r := b.post(t, "/api/db_default/v4/"+c.suite+"/schema", []byte(c.body), withToken, kind(c.media))
		if r.status != c.status || r.body["msg"] != c.msg || len(r.body) != 1 {
			t.Errorf("%s: got %d %s, want %d %q", name, r.status, r.text, c.status, c.msg)
		}
	}
	for _, e := range b.log.all() {
		if e.Suite == "foo" {
			t.Errorf("a refused schema is in the log: %+v", e)
		}
	}
	if r := b.post(t, "/api/db_default/v4/lib/schema", []byte(librarySchema), withToken, kind("text/yaml")); r.status != 201 {
		t.Errorf("the suite is not what it was: %s", r.text)
	}
}

func TestSeed_KeepsIds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	body := `{"machines":[{"id":40,"name":"m","values":{"hardware":"aarch64"}}],"orders":[{"id":9,"values":["1"]}],"tests":[{"id":5,"name":"a"}]}`
	r := b.post(t, api+"seed", []byte(body), withToken)
	if diff := cmp.Diff(map[string]any{"added_machines": 1.0, "added_tests": 1.0}, r.body); r.status != 200 || diff != "" {
		t.Fatalf("got %d %s", r.status, r.text)
	}
	if e := b.log.only(t); e.Type != event.SuiteSeeded || string(e.Body) != body {
		t.Errorf("event %s with body %s", e.Type, e.Body)
	}
	b.fill(t, "m", 1)
	b.do(t, http.MethodDelete, api+"machines/40", nil, withToken)
	b.post(t, api+"seed", []byte(`{"tests":[{"id":5,"name":"b"}]}`), withToken).want(t, 409, "msg", "tests[0]: the id 5 is that of another test")
	b.post(t, api+"seed", []byte(`{"tests":[{"id":0,"name":"b"}]}`), withToken).want(t, 400, "msg", "decode seed: tests[0].id: 0 is outside 1..2147483647")
	b.post(t, api+"seed", []byte(`[]`), withToken).want(t, 400, "msg", "decode seed: is not an object")
}

func TestChange_OutcomeTooLate_Is202WithReceipt(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config, m *memoryLog) { c.WaitTimeout, m.silent = time.Millisecond, true })
	r := b.do(t, http.MethodDelete, api+"runs/1", nil, withToken)
	e := b.log.only(t)
	want := map[string]any{"event_id": e.ID.String(), "receipt_url": b.url + "/api/v5/nts/receipts/" + e.ID.String()}
	if diff := cmp.Diff(want, r.body); r.status != 202 || diff != "" || r.header.Get("Location") != want["receipt_url"] {
		t.Errorf("got %d %s", r.status, r.text)
	}
}

func TestChange_Asynchronous_Is202AtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, func(_ *Config, m *memoryLog) { m.noTail = true })
	r := b.do(t, http.MethodDelete, api+"runs/1", nil, withToken, header{"Prefer", "respond-async"})
	if r.status != 202 || r.header.Get("Preference-Applied") != "respond-async" || len(r.body) != 2 {
		t.Errorf("got %d %s", r.status, r.text)
	}
}

func TestChange_LogAway_Is503AndClaimsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, func(_ *Config, m *memoryLog) { m.fail = errors.New("gone") })
	r := b.do(t, http.MethodDelete, api+"runs/1", nil, withToken)
	r.want(t, 503, "message", "the change could not be stored; try again")
	if r.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

func TestChange_RepeatedUnderItsKey_IsDoneOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fill(t, "m", 12)
	key := header{"Idempotency-Key", "k"}
	first := b.do(t, http.MethodDelete, api+"machines/m", nil, withToken, key)
	again := b.do(t, http.MethodDelete, api+"machines/m", nil, withToken, key)
	if first.status != 200 || first.status != again.status || first.text != again.text {
		t.Errorf("first %d %q, then %d %q", first.status, first.text, again.status, again.text)
	}
	b.do(t, http.MethodDelete, api+"runs/1", nil, withToken, key).want(t, 409, "msg", "idempotency key was used for a different body")
	b.do(t, http.MethodDelete, api+"runs/1", nil, withToken, header{"Idempotency-Key", strings.Repeat("k", 256)}).
		want(t, 400, "msg", "Idempotency-Key must be at most 255 printable characters")
}

func TestChanges_AreCountedApartFromSubmissions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.do(t, http.MethodDelete, api+"runs/1", nil, withToken)
	b.do(t, http.MethodDelete, api+"runs/1", nil)
	if b.metric(t, "tidemark_intake_changes_total", resultRejected) != 1 || b.metric(t, "tidemark_intake_changes_total", resultUnauthorized) != 1 {
		t.Error("changes are not counted by result")
	}
	if b.metric(t, "tidemark_intake_submissions_total", resultRejected) != 0 {
		t.Error("a change is counted as a submission")
	}
}
