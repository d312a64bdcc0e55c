package intake

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"tidemark/pkg/event"
)

func (b *bench) sendForm(t *testing.T, operation string, fields url.Values) reply {
	t.Helper()
	return b.post(t, "/db_default/v4/nts/forms/"+operation, []byte(fields.Encode()), withToken, kind("application/x-www-form-urlencoded"))
}

func TestForms_OfPages_DoWhatTheWritesDoAndLeadBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fill(t, "m", 1)
	r := b.sendForm(t, "setRule", url.Values{
		"csrf": {"x"}, "next": {"/v4/nts/detectors?done=set"}, "body": {`{"detector":"steps","mode":"off","params":{"min_t":"5"}}`}, "reason": {"quiet & calm"}, "machine": {""},
	})
	if r.status != http.StatusSeeOther || r.header.Get("Location") != "/v4/nts/detectors?done=set" {
		t.Fatalf("%d %v %s", r.status, r.header, r.text)
	}
	rule, err := event.DecodeDetectorRule(b.log.lastEvent(t).Body)
	if err != nil || rule.Detector != "steps" || rule.Mode != event.ModeOff || rule.Params["min_t"] != "5" || rule.Reason != "quiet & calm" {
		t.Errorf("%+v %v", rule, err)
	}
	r = b.sendForm(t, "removeRule", url.Values{"next": {"//elsewhere.example"}, "query.detector": {"steps"}, "query.reason": {"again"}})
	if r.status != http.StatusSeeOther || r.header.Get("Location") != "/" {
		t.Errorf("%d %v", r.status, r.header)
	}
	if rule, _ = event.DecodeDetectorRule(b.log.lastEvent(t).Body); !rule.Remove || rule.Reason != "again" {
		t.Errorf("%+v", rule)
	}
}

func TestForms_FieldsOfAllKinds_AreRead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fill(t, "m", 1)
	r := b.sendForm(t, "addSubscription", url.Values{
		"name": {"n"}, "channel": {"email"}, "target": {"a@example.org"}, "list.kinds": {"regression", "signal"}, "number.min_effect": {"0.015"}, "every": {""},
	})
	sub, err := event.DecodeSubscription(b.log.lastEvent(t).Body)
	if r.status != http.StatusSeeOther || err != nil || len(sub.Kinds) != 2 || sub.MinEffect != 0.015 {
		t.Errorf("%d %+v %v", r.status, sub, err)
	}
	r = b.sendForm(t, "setRule", url.Values{"detector": {"steps"}, "lines.params": {"min_t=5\r\n min_sigmas = 2\r\n"}})
	rule, err := event.DecodeDetectorRule(b.log.lastEvent(t).Body)
	if r.status != http.StatusSeeOther || err != nil || rule.Params["min_t"] != "5" || rule.Params["min_sigmas"] != "2" {
		t.Errorf("%d %+v %v", r.status, rule, err)
	}
}

func TestForms_WhatIsWrong_IsSaidAsAPageAndChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	before := len(b.log.all())
	for name, c := range map[string]struct {
		operation string
		fields    url.Values
		status    int
		text      string
	}{
		"a bad value":       {"setRule", url.Values{"body": {`{"detector":"steps","params":{"min_t":"-1"}}`}, "next": {"/v4/nts/detectors"}}, 400, `href="/v4/nts/detectors"`},
		"no such detector":  {"setRule", url.Values{"detector": {"<b>"}}, 400, "&lt;b&gt;"},
		"no number":         {"addSubscription", url.Values{"name": {"n"}, "number.min_effect": {"much"}}, 400, "no number"},
		"no parameter":      {"setRule", url.Values{"detector": {"steps"}, "lines.params": {"min_t"}}, 400, "not name=value"},
		"a body that isn't": {"setRule", url.Values{"body": {`[1]`}}, 400, "not as the page has it"},
		"no such state":     {"removeSubscription", url.Values{"path.id": {"x"}}, 404, "no subscription"},
	} {
		r := b.sendForm(t, c.operation, c.fields)
		if r.status != c.status || !strings.Contains(r.text, c.text) || !strings.Contains(r.text, "Nothing was changed") || !strings.HasPrefix(r.header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %d %s", name, r.status, r.text)
		}
	}
	if r := b.sendForm(t, "dropEverything", url.Values{}); r.status != http.StatusNotFound {
		t.Errorf("an unknown operation: %d", r.status)
	}
	if r := b.post(t, "/v4/nts/forms/setRule", []byte(`{"detector":"steps"}`), withToken, asJSON); r.status != http.StatusUnsupportedMediaType {
		t.Errorf("JSON: %d %s", r.status, r.text)
	}
	if r := b.post(t, "/v4/nts/forms/setRule", []byte("detector=steps"), kind("application/x-www-form-urlencoded")); r.status != http.StatusUnauthorized || !strings.Contains(r.text, "Sign in") {
		t.Errorf("nobody: %d %s", r.status, r.text)
	}
	if n := len(b.log.all()) - before; n != 0 {
		t.Errorf("%d events of refused forms", n)
	}
}
