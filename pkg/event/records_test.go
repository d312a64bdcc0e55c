package event_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/event"
)

var someID = uuid.MustParse("0197a1b2-0000-7000-8000-0123456789ab")

func init() {
	for name, c := range map[event.Type]struct {
		value  body
		text   string
		decode func([]byte) (body, error)
	}{
		event.DetectorConfigured: {
			event.DetectorRule{
				Detector: "steps", Mode: event.ModeShadow, Machine: "bench-*", Metric: "execution_time", Preset: "coarse",
				Params: map[string]string{"min_pct": "2", "t": "6"}, Backtest: someID, Reason: "fewer false ones",
			},
			`{"detector":"steps","mode":"shadow","machine":"bench-*","metric":"execution_time","preset":"coarse",` +
				`"params":{"min_pct":"2","t":"6"},"backtest":"0197a1b2-0000-7000-8000-0123456789ab","reason":"fewer false ones"}`,
			func(b []byte) (body, error) { return event.DecodeDetectorRule(b) },
		},
		event.SubscriptionSet: {
			event.Subscription{
				ID: someID, Name: "compiler", Channel: event.ChannelWebhook, Target: "https://example.org/hook", Test: "suite/*",
				Kinds: []string{"regression", "signal"}, On: []string{"opened", "returned"}, MinEffect: 0.02, Every: event.EveryDaily,
			},
			`{"id":"0197a1b2-0000-7000-8000-0123456789ab","name":"compiler","channel":"webhook","target":"https://example.org/hook","test":"suite/*",` +
				`"kinds":["regression","signal"],"on":["opened","returned"],"min_effect":0.02,"every":"daily"}`,
			func(b []byte) (body, error) { return event.DecodeSubscription(b) },
		},
		event.SubscriptionRemoved: {
			event.SubscriptionRemoval{ID: someID},
			`{"id":"0197a1b2-0000-7000-8000-0123456789ab"}`,
			func(b []byte) (body, error) { return event.DecodeSubscriptionRemoval(b) },
		},
		event.BaselineSet: {
			event.Baseline{Name: "release 19", OrderID: 7, Comment: "as shipped"},
			`{"name":"release 19","order_id":7,"comment":"as shipped"}`,
			func(b []byte) (body, error) { return event.DecodeBaseline(b) },
		},
		event.BaselineRemoved: {
			event.BaselineRemoval{Name: "release 19"},
			`{"name":"release 19"}`,
			func(b []byte) (body, error) { return event.DecodeBaselineRemoval(b) },
		},
		event.NotificationRecorded: {
			event.Notifications{Deliveries: []event.Delivery{
				{ID: event.DeliveryID(someID, "regression 3", "opened"), SubscriptionID: someID, Status: event.DeliveryFailed, Attempt: 2, Code: 503, Error: "busy", RegressionIDs: []uint32{3}},
			}},
			`{"deliveries":[{"id":"030d2812-4ad9-8007-a87d-dfc3d7c974c9","subscription_id":"0197a1b2-0000-7000-8000-0123456789ab","status":"failed","attempt":2,"code":503,"error":"busy","regression_ids":[3]}]}`,
			func(b []byte) (body, error) { return event.DecodeNotifications(b) },
		},
		event.SignalChanged: {
			event.Signals{Signals: []event.Signal{
				{MachineID: 4, Signal: event.SignalSilence, Open: true, Since: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC), Expected: 6, Seen: 30.5, Unit: "hours", Detail: "no report"},
			}},
			`{"signals":[{"machine_id":4,"signal":"silence","open":true,"since":"2026-02-03T04:05:06Z","expected":6,"seen":30.5,"unit":"hours","detail":"no report"}]}`,
			func(b []byte) (body, error) { return event.DecodeSignals(b) },
		},
		event.RegressionRestored: {
			event.RegressionRestoration{
				Undoes: 9, Reason: "wrong one", Dismissals: []event.PriorDismissal{{ChangeID: 7, Dismissed: true, Effect: -0.5}},
				Regressions: []event.RegressionRow{
					{
						ID: 3, Title: "slower", Bug: "b", State: event.StateActive, ChangeIDs: []uint32{2, 5}, Added: []uint64{8, 9},
						UUID: someID, Seq: 7, OpenedSeq: 6, Detector: "steps", Kind: event.Regression, Cause: event.RegressionOfCode,
						Owner: "ada", Tags: []string{"llvm"}, Note: "n", StartOrderID: 4, EndOrderID: 5, Touched: true, Titled: true,
					},
					{ID: 4, Deleted: true},
				},
			},
			`{"undoes":9,"regressions":[{"regression_id":3,"title":"slower","bug":"b","state":10,"change_ids":[2,5],"added":[8,9],` +
				`"uuid":"0197a1b2-0000-7000-8000-0123456789ab","seq":7,"opened_seq":6,"detector":"steps","kind":"regression","cause":"code",` +
				`"owner":"ada","tags":["llvm"],"note":"n","start_order_id":4,"end_order_id":5,"touched":true,"titled":true},` +
				`{"regression_id":4,"title":"","state":0,"change_ids":null,"added":null,"deleted":true}],` +
				`"dismissals":[{"change_id":7,"dismissed":true,"effect":-0.5}],"reason":"wrong one"}`,
			func(b []byte) (body, error) { return event.DecodeRegressionRestoration(b) },
		},
		event.RegressionImported: {
			event.RegressionImport{Regressions: []event.ImportedRegression{{
				ID: 12, Title: "Regression of 1 benchmarks: a", State: event.StateIgnored, Findings: []event.Finding{{
					MachineID: 1, TestID: 2, Metric: "score", OrderID: 4, PreviousOrderID: 3, Direction: event.Up, Kind: event.Improvement,
					Before: 1, After: 2, Effect: 1, PValue: 1, Active: true, ID: someID,
				}},
			}}},
			`{"regressions":[{"id":12,"title":"Regression of 1 benchmarks: a","state":21,"findings":[{"machine_id":1,"test_id":2,"metric":"score",` +
				`"order_id":4,"previous_order_id":3,"direction":"up","kind":"improvement","before":1,"after":2,"spread":0,"effect":1,"statistic":0,"p_value":1,` +
				`"active":true,"id":"0197a1b2-0000-7000-8000-0123456789ab"}]}]}`,
			func(b []byte) (body, error) { return event.DecodeRegressionImport(b) },
		},
	} {
		bodies[name] = c
	}
}

func TestRecordBodies_WhatCannotBe_ErrorNamesTheField(t *testing.T) {
	t.Parallel()
	const id = `"id":"0197a1b2-0000-7000-8000-0123456789ab"`
	hook := `{` + id + `,"name":"n","channel":"webhook","target":"https://example.org/"`
	delivery := `{` + id + `,"subscription_id":"0197a1b2-0000-7000-8000-0123456789ab","status":"started"}`
	for text, c := range map[string]struct {
		of   event.Type
		want string
	}{
		`{"mode":"active"}`:                                                             {event.DetectorConfigured, "detector is missing"},
		`{"detector":"shadow/steps","mode":"active"}`:                                   {event.DetectorConfigured, "detector: "},
		`{"detector":"steps"}`:                                                          {event.DetectorConfigured, `mode: "" is none of active, shadow, off`},
		`{"detector":"steps","mode":"off","params":{"":"1"}}`:                           {event.DetectorConfigured, "params: a name is empty"},
		`{"detector":"steps","mode":"off","params":{"a":1}}`:                            {event.DetectorConfigured, "params"},
		`{"detector":"steps","mode":"off","test":"` + long(1025) + `"}`:                 {event.DetectorConfigured, "test: has 1025 bytes"},
		`{"detector":"steps","mode":"off","backtest":"7"}`:                              {event.DetectorConfigured, "UUID"},
		`{"name":"","order_id":1}`:                                                      {event.BaselineSet, "name: is missing"},
		`{"name":"a"}`:                                                                  {event.BaselineSet, "order_id: is missing"},
		`{"name":"a ","order_id":1}`:                                                    {event.BaselineSet, "name: begins or ends with a space"},
		`{"name":"a/b","order_id":1}`:                                                   {event.BaselineSet, "name: has one of"},
		`{"name":"` + long(33) + `","order_id":1}`:                                      {event.BaselineSet, "name: has more than 32 characters"},
		`{"name":"a","order_id":1,"comment":"` + long(257) + `"}`:                       {event.BaselineSet, "comment: has more than 256 characters"},
		`{"name":"n","channel":"slack","target":"https://example.org/"}`:                {event.SubscriptionSet, "id: is missing"},
		hook + `,"kinds":["regression","rain"]}`:                                        {event.SubscriptionSet, `kinds[1]: "rain" is none of regression, improvement, signal`},
		hook + `,"on":["opened","opened"]}`:                                             {event.SubscriptionSet, `on[1]: "opened" comes twice`},
		hook + `,"every":"weekly"}`:                                                     {event.SubscriptionSet, `every: "weekly"`},
		hook + `,"min_effect":-1}`:                                                      {event.SubscriptionSet, "min_effect: is below 0"},
		`{` + id + `,"channel":"email","target":"a@example.org"}`:                       {event.SubscriptionSet, "name: is missing"},
		`{` + id + `,"name":"n","channel":"pigeon"}`:                                    {event.SubscriptionSet, `channel: "pigeon"`},
		`{` + id + `,"name":"n","channel":"webhook","target":"file:///etc/passwd"}`:     {event.SubscriptionSet, "target: "},
		`{` + id + `,"name":"n","channel":"slack","target":"https://a:b@example.org/"}`: {event.SubscriptionSet, "target: a URL with a password"},
		`{` + id + `,"name":"n","channel":"email","target":"A <a@example.org>"}`:        {event.SubscriptionSet, "target: "},
		`{}`:                            {event.SubscriptionRemoved, "id: is missing"},
		`{"deliveries":[]}`:             {event.NotificationRecorded, "deliveries: is missing"},
		`{"deliveries":[{` + id + `}]}`: {event.NotificationRecorded, "deliveries[0].subscription_id: is missing"},
		`{"deliveries":[` + delivery + `,` + delivery + `]}`: {event.NotificationRecorded, "deliveries[1].id: comes twice"},
		`{"signals":[]}`:                                  {event.SignalChanged, "signals: is missing"},
		`{"signals":[{"signal":"silence"}]}`:              {event.SignalChanged, "signals[0].machine_id: is missing"},
		`{"signals":[{"machine_id":1,"signal":"noise"}]}`: {event.SignalChanged, `signals[0].signal: "noise"`},
		`{"signals":[{"machine_id":1,"signal":"silence","since":"0001-01-01T00:00:00Z"}]}`:  {event.SignalChanged, "signals[0].since: is outside"},
		`{"regressions":[{"regression_id":1}]}`:                                             {event.RegressionRestored, "undoes: is missing"},
		`{"undoes":1}`:                                                                      {event.RegressionRestored, "regressions: is missing"},
		`{"undoes":1,"regressions":[{"regression_id":1,"change_ids":[1]}]}`:                 {event.RegressionRestored, "regressions[0].added: has 0 places for 1 changes"},
		`{"undoes":1,"regressions":[{"regression_id":1,"change_ids":[1,2],"added":[2,2]}]}`: {event.RegressionRestored, "regressions[0].added[1]: is not after"},
		`{"undoes":1,"regressions":[{"regression_id":1},{"regression_id":1}]}`:              {event.RegressionRestored, "regressions: an id comes twice"},
		`{"undoes":1,"dismissals":[{"dismissed":true}]}`:                                    {event.RegressionRestored, "dismissals: no id is 0"},
		`{"regressions":[]}`:                               {event.RegressionImported, "regressions: is missing"},
		`{"regressions":[{"id":0}]}`:                       {event.RegressionImported, "regressions[0].id: 0 is outside"},
		`{"regressions":[{"id":1,"state":7}]}`:             {event.RegressionImported, "regressions[0].state: 7"},
		`{"regressions":[{"id":1},{"id":1}]}`:              {event.RegressionImported, "regressions: an id comes twice"},
		`{"regression_id":1,"regression_ids":[2]}`:         {event.RegressionTriaged, "regression_ids: there is a regression_id, too"},
		`{"regression_ids":[2,2]}`:                         {event.RegressionTriaged, "regression_ids: an id comes twice"},
		`{"regression_id":1,"add_tags":["a b"]}`:           {event.RegressionTriaged, `add_tags[0]: "a b" is empty, or holds a blank`},
		`{"regression_id":1,"remove_tags":[""]}`:           {event.RegressionTriaged, "remove_tags[0]"},
		`{"regression_id":1,"owner":"` + long(1025) + `"}`: {event.RegressionTriaged, "owner: has more than 1024 characters"},
		`{"change_ids":[1],"note":"` + long(4097) + `"}`:   {event.ChangeIgnored, "note: has more than 4096 characters"},
	} {
		if _, err := bodies[c.of].decode([]byte(text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s of %.80q: %v, want %q", c.of, text, err, c.want)
		}
	}
}

func long(n int) string { return strings.Repeat("x", n) }

func TestGlob_PatternAndName_MatchAsWritten(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "", true},
		{"*", "any/thing", true},
		{"", "", true},
		{"", "x", false},
		{"a", "a", true},
		{"a", "A", false},
		{"a*", "a", true},
		{"a*", "abc", true},
		{"*c", "abc", true},
		{"*c", "abcd", false},
		{"a*c*e", "abcde", true},
		{"a*c*e", "abde", false},
		{"?", "ä", true},
		{"?", "", false},
		{"??", "a", false},
		{"a?c", "abc", true},
		{"*?", "", false},
		{"**", "", true},
		{"suite/*/x", "suite/a/b/x", true},
		{"[a]", "[a]", true},
		{"[a]", "a", false},
		{`\*`, `\b`, true},
		{"*aab", "aaaab", true},
	} {
		if got := event.Glob(c.pattern, c.name); got != c.want {
			t.Errorf("Glob(%q, %q) = %t", c.pattern, c.name, got)
		}
	}
}

// FuzzGlob holds it to the plainest form of the rule.
func FuzzGlob(f *testing.F) {
	f.Add("a*c?e", "abcde")
	f.Add("**?*", "x")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if len(pattern) > 12 || len(name) > 12 {
			t.Skip()
		}
		if got, want := event.Glob(pattern, name), plainGlob([]rune(pattern), []rune(name)); got != want {
			t.Errorf("Glob(%q, %q) = %t, want %t", pattern, name, got, want)
		}
	})
}

func plainGlob(p, n []rune) bool {
	switch {
	case len(p) == 0:
		return len(n) == 0
	case p[0] == '*':
		return plainGlob(p[1:], n) || len(n) > 0 && plainGlob(p, n[1:])
	default:
		return len(n) > 0 && (p[0] == '?' || p[0] == n[0]) && plainGlob(p[1:], n[1:])
	}
}

func TestRules_SeveralMatch_TheLastSetCounts(t *testing.T) {
	t.Parallel()
	rules := event.Rules{
		{Detector: "steps", Mode: event.ModeActive, Preset: "coarse"},
		{Detector: "steps", Mode: event.ModeOff, Machine: "noisy-*"},
		{Detector: "steps", Mode: event.ModeShadow, Preset: "fine"},
		{Detector: "otava", Mode: event.ModeActive, Machine: "noisy-1"},
		{Detector: "steps", Mode: event.ModeActive, Machine: "noisy-1", Test: "suite/*", Metric: "score"},
	}
	for _, c := range []struct {
		detector              string
		shadow                bool
		machine, test, metric string
		want                  int // -1 for none
	}{
		{"steps", false, "quiet", "suite/a", "score", 0},
		{"steps", false, "noisy-1", "suite/a", "score", 4},
		{"steps", false, "noisy-1", "suite/a", "compile_time", 1},
		{"steps", false, "noisy-2", "suite/a", "score", 1},
		{"steps", true, "noisy-2", "suite/a", "score", 2},
		{"otava", false, "noisy-1", "x", "score", 3},
		{"otava", false, "noisy-2", "x", "score", -1},
		{"otava", true, "noisy-1", "x", "score", -1},
	} {
		got, ok := rules.For(c.detector, c.shadow, c.machine, c.test, c.metric)
		if ok != (c.want >= 0) || ok && got.Key() != rules[c.want].Key() {
			t.Errorf("%+v: %+v, %t", c, got, ok)
		}
	}
	for detector, want := range map[string]bool{"steps": true, "otava": false, "lnt": false} {
		if _, active := (event.Rules{}).ActiveFor(detector, "m", "t", "score"); active != want {
			t.Errorf("without rules %s is active: %t", detector, active)
		}
	}
	if _, active := rules.ActiveFor("steps", "noisy-2", "t", "score"); active {
		t.Error("steps is active where it is off")
	}
}

func TestDetectorRule_AnyPartDiffers_OtherKey(t *testing.T) {
	t.Parallel()
	keys := lo.Map([]event.DetectorRule{
		{Detector: "steps", Mode: event.ModeActive},
		{Detector: "steps", Mode: event.ModeShadow},
		{Detector: "otava", Mode: event.ModeActive},
		{Detector: "steps", Mode: event.ModeActive, Machine: "a|b", Test: "c"},
		{Detector: "steps", Mode: event.ModeActive, Machine: "a", Test: "b|c"},
		{Detector: "steps", Mode: event.ModeActive, Machine: `a\`, Test: "c"},
	}, func(r event.DetectorRule, _ int) string { return r.Key() })
	if len(lo.Uniq(keys)) != len(keys) || keys[0] != "steps|*|*|*" || keys[1] != "shadow/steps|*|*|*" {
		t.Errorf("keys %q", keys)
	}
	same := event.DetectorRule{Detector: "steps", Mode: event.ModeOff, Machine: "*", Preset: "coarse"}
	if same.Key() != keys[0] {
		t.Errorf("%q differs from %q", same.Key(), keys[0])
	}
}

func TestFinding_IDOfShadowOrNth_IsAnother(t *testing.T) {
	t.Parallel()
	f := event.Finding{MachineID: 1, TestID: 2, Metric: "m", OrderID: 4, PreviousOrderID: 3, Direction: event.Up}
	second := f
	second.Nth = 1
	ids := []uuid.UUID{
		f.IDOf("d", "s", event.DetectorKey("steps", false)), f.IDOf("d", "s", event.DetectorKey("steps", true)), second.IDOf("d", "s", "steps"),
		f.IDOf("d", "s", event.DetectorLNT), f.IDOf("d", "s", event.DetectorKey(event.DetectorLNT, true)),
		event.RegressionUUID("d", "s", 1), event.RegressionUUID("d", "s", 2), event.DeliveryID(someID, "a", "b"), event.DeliveryID(someID, "ab"),
	}
	if len(lo.Uniq(ids)) != len(ids) {
		t.Errorf("some are the same: %v", ids)
	}
	if ids[0] != event.FindingID("d", "s", 1, 2, "m", 4, event.Up, "steps") {
		t.Error("the id of an ordinary finding changed")
	}
}
