package notifier_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidemark/pkg/event"
	"tidemark/services/notifier"
)

// receiver is a server that keeps what it was sent.
type receiver struct {
	*httptest.Server
	mu  sync.Mutex
	got []received
	// answers are the codes of the next requests; then all are 200.
	answers []int
	// header is set in answers that are none of 200.
	header [2]string
	// on is called with each request before it is answered.
	on func()
}

type received struct {
	Header http.Header
	Body   []byte
}

func newReceiver(t testing.TB, answers ...int) *receiver {
	t.Helper()
	r := &receiver{answers: answers}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		r.got = append(r.got, received{req.Header, body})
		code := 200
		if len(r.answers) > 0 {
			code, r.answers = r.answers[0], r.answers[1:]
		}
		r.mu.Unlock()
		if r.on != nil {
			r.on()
		}
		if code == 0 {
			panic(http.ErrAbortHandler) // no answer
		}
		if code == http.StatusFound {
			w.Header().Set("Location", "/elsewhere")
		}
		if code != 200 && r.header[0] != "" {
			w.Header().Set(r.header[0], r.header[1])
		}
		w.WriteHeader(code)
		fmt.Fprintln(w, "so it is")
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) requests() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// messages are the bodies.
func (r *receiver) messages(t testing.TB) []notifier.Message {
	t.Helper()
	var out []notifier.Message
	for _, req := range r.requests() {
		var m notifier.Message
		if err := json.Unmarshal(req.Body, &m); err != nil {
			t.Fatal(err)
		}
		out = append(out, m)
	}
	return out
}

// heard are the messages in short: event, regression and tests.
func (r *receiver) heard(t testing.TB) []string {
	t.Helper()
	var out []string
	for _, m := range r.messages(t) {
		line := m.Event
		for _, c := range m.Regressions {
			line += fmt.Sprintf(" %d:", c.Number)
			for _, f := range c.Findings {
				line += " " + f.Test
			}
		}
		for _, s := range m.Signals {
			line += " " + s.Machine + " " + s.Signal
		}
		out = append(out, line)
	}
	return out
}

func want[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestNotifier_RegressionFound_IsToldOnceWithASignatureThatHolds(t *testing.T) {
	t.Parallel()
	s, r := newSuite(t), newReceiver(t)
	s.find(1, map[string]float64{"before": 0.5})
	sub := s.subscribe("webhook", r.URL)
	keys := filepath.Join(t.TempDir(), "keys", "notifier.key")
	n := s.notifier(func(c *notifier.Config) { c.KeyFile = keys })
	s.find(2, map[string]float64{"a": 0.05, "b": -0.2})
	s.pass(n)
	s.pass(n)
	want(t, "messages", r.heard(t), []string{"opened 2: b a"})
	want(t, "what became of it", s.statuses(), []string{"started", "delivered"})

	req := r.requests()[0]
	key, err := notifier.ReadKey(keys)
	if err != nil {
		t.Fatal(err)
	}
	seconds, err := strconv.ParseInt(req.Header.Get("Tidemark-Timestamp"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if got := notifier.Sign(key.For(sub.ID), time.Unix(seconds, 0), req.Body); got != req.Header.Get("Tidemark-Signature") {
		t.Errorf("the signature is %s, want %s", req.Header.Get("Tidemark-Signature"), got)
	}
	m := r.messages(t)[0]
	if m.Delivery.String() != req.Header.Get("Tidemark-Delivery") {
		t.Errorf("delivery %s goes as %s", m.Delivery, req.Header.Get("Tidemark-Delivery"))
	}
	if got, link := m.Regressions[0].Findings[0].URL, "https://perf.example/tidemark/db_default/v4/nts/graph?plot.0=1.3.2&order=12"; got != link {
		t.Errorf("the finding leads to %s, want %s", got, link)
	}
}

func TestNotifier_FindingsJoinMoveAndGrow_OnlyWhatIsNewIsTold(t *testing.T) {
	t.Parallel()
	s, r, large := newSuite(t), newReceiver(t), newReceiver(t)
	s.subscribe("webhook", r.URL)
	s.subscribe("webhook", large.URL, func(sub *notifier.Subscription) { sub.MinEffect = 0.1 })
	n := s.notifier()
	s.find(1, map[string]float64{"a": 0.05})
	s.pass(n)
	s.find(1, map[string]float64{"a": 0.06, "b": 0.3}) // a only moved
	s.pass(n)
	s.find(1, map[string]float64{"a": 0.11})
	s.find(1, map[string]float64{"a": 0.12, "b": 0.4})
	s.pass(n)
	want(t, "told of everything", r.heard(t), []string{"opened 1: a", "extended 1: b"})
	want(t, "told from 10 % on", large.heard(t), []string{"extended 1: b", "extended 1: a"})
}

func TestNotifier_StatesChange_RecoveryAndReturnAreTold(t *testing.T) {
	t.Parallel()
	s, r, quiet := newSuite(t), newReceiver(t), newReceiver(t)
	s.subscribe("webhook", r.URL)
	s.subscribe("webhook", quiet.URL, func(sub *notifier.Subscription) { sub.On = []string{"opened"} })
	n := s.notifier()
	s.find(1, map[string]float64{"a": 0.05})
	s.state(1, event.StateActive, "regression.triaged", "ann")
	s.state(1, event.StateVerify, "change.found", "detector")
	s.state(1, event.StateDetected, "change.found", "detector")
	s.state(1, event.StateFixed, "regression.triaged", "ann")
	s.state(1, event.StateActive, "regression.triaged", "ann") // a person's own doing
	s.state(1, event.StateVerify, "regression.imported", "")
	s.pass(n)
	want(t, "messages", r.heard(t), []string{"opened 1: a", "verify 1:", "returned 1:"})
	want(t, "opened alone", quiet.heard(t), []string{"opened 1: a"})
}

func TestNotifier_AllFindingsWithdrawn_SaysThatNothingStands(t *testing.T) {
	t.Parallel()
	s, r := newSuite(t), newReceiver(t)
	s.subscribe("webhook", r.URL)
	n := s.notifier()
	s.find(1, map[string]float64{"a": 0.05})
	s.state(1, event.StateVerify, "change.found", "detector")
	s.withdrawn(1)
	s.pass(n)
	got := r.messages(t)
	if len(got) != 2 {
		t.Fatalf("%d messages", len(got))
	}
	want(t, "opened", got[0].Regressions[0].Withdrawn, false)
	want(t, "taken back", got[1].Regressions[0].Withdrawn, true)
	want(t, "subject", got[1].Subject(), "[nts] None of its findings stands any more, to be verified: execution_time +5 % at r12")
}

func TestNotifier_Patterns_ChooseMachinesTestsMetricsKindsAndSignals(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	cases := []struct {
		name   string
		change func(*notifier.Subscription)
		want   []string
	}{
		{"test", func(sub *notifier.Subscription) { sub.Test = "SingleSource/*" }, []string{"opened 1: SingleSource/a", "opened m1 silence"}},
		{"other machine", func(sub *notifier.Subscription) { sub.Machine = "x*" }, nil},
		{"metric", func(sub *notifier.Subscription) { sub.Metric, sub.Kinds = "?ompile_time", []string{"regression"} }, nil},
		{"kind", func(sub *notifier.Subscription) { sub.Kinds = []string{"improvement"} }, nil},
		{"signals", func(sub *notifier.Subscription) { sub.Kinds = []string{"signal"} }, []string{"opened m1 silence"}},
	}
	receivers := make([]*receiver, len(cases))
	for i, c := range cases {
		receivers[i] = newReceiver(t)
		s.subscribe("webhook", receivers[i].URL, c.change)
	}
	s.find(1, map[string]float64{"SingleSource/a": 0.1, "MultiSource/b": 0.2})
	s.seq++
	s.signals = append(s.signals, notifier.Signal{Seq: s.seq, At: s.now, Machine: "m1", ID: 1, Signal: "silence", Open: 1, Since: "2026-02-01T00:00:00Z"})
	s.pass(s.notifier())
	for i, c := range cases {
		want(t, c.name, receivers[i].heard(t), c.want)
	}
}

func TestNotifier_ReceiverFails_IsTriedAgainUntilItAnswersAndNoLonger(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		channel string
		answers []int
		want    []string
	}{
		{"server error", "webhook", []int{500}, []string{"started", "failed", "started", "delivered"}},
		{"too many requests", "slack", []int{429}, []string{"started", "failed", "started", "delivered"}},
		{"timeout of the request", "webhook", []int{408}, []string{"started", "failed", "started", "delivered"}},
		{"no answer", "webhook", []int{0}, []string{"started", "failed", "started", "delivered"}},
		{"no answer, and no way to tell a repetition", "slack", []int{0}, []string{"started", "uncertain"}},
		{"refused", "webhook", []int{400}, []string{"started", "failed"}},
		{"gone", "slack", []int{410}, []string{"started", "failed"}},
		{"elsewhere", "webhook", []int{302}, []string{"started", "failed"}},
		{"never well", "webhook", []int{503, 503, 503, 503, 503}, []string{"started", "failed", "started", "failed", "started", "failed"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, r := newSuite(t), newReceiver(t, c.answers...)
			s.subscribe(c.channel, r.URL)
			n := s.notifier(func(c *notifier.Config) { c.Attempts = 3 })
			s.find(1, map[string]float64{"a": 0.1})
			s.pass(n)
			first := len(r.requests())
			s.pass(n)
			want(t, "requests before the pause is over", len(r.requests()), first)
			for range 5 {
				s.wait(3 * time.Hour)
				s.pass(n)
			}
			want(t, "what became of it", s.statuses(), c.want)
			for _, req := range r.requests() {
				if id := req.Header.Get("Tidemark-Delivery"); id != r.requests()[0].Header.Get("Tidemark-Delivery") {
					t.Errorf("a repetition goes as %s", id)
				}
			}
		})
	}
}

func TestNotifier_KilledAtAnyPoint_LosesNothingAndDoublesNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		channel string
		at      string // the status whose event is the last thing that does not happen
		want    []string
		sent    int
	}{
		{"before the claim", "webhook", "started", []string{"started", "delivered"}, 1},
		{"before the claim", "slack", "started", []string{"started", "delivered"}, 1},
		{"after sending", "webhook", "delivered", []string{"started", "failed", "started", "delivered"}, 2},
		{"after sending", "slack", "delivered", []string{"started", "uncertain"}, 1},
	} {
		t.Run(c.name+" "+c.channel, func(t *testing.T) {
			t.Parallel()
			s, r := newSuite(t), newReceiver(t)
			s.subscribe(c.channel, r.URL)
			s.find(1, map[string]float64{"a": 0.1})
			s.before = func(d delivery) error {
				if d.Status == c.at {
					return errKilled
				}
				return nil
			}
			s.pass(s.notifier())
			s.before = nil
			again := s.notifier()
			s.pass(again)
			s.wait(time.Minute)
			s.pass(again)
			want(t, "what became of it", s.statuses(), c.want)
			got := r.requests()
			want(t, "requests", len(got), c.sent)
			for _, req := range got {
				want(t, "id", req.Header.Get("Tidemark-Delivery"), got[0].Header.Get("Tidemark-Delivery"))
			}
		})
	}
}

func TestNotifier_KilledBetweenClaimAndSending_WebhookIsSentAndSlackIsUncertain(t *testing.T) {
	t.Parallel()
	for channel, outcome := range map[string][]string{
		"webhook": {"started", "failed", "started", "delivered"}, "slack": {"started", "uncertain"},
	} {
		s, r := newSuite(t), newReceiver(t)
		s.subscribe(channel, r.URL)
		s.find(1, map[string]float64{"a": 0.1})
		s.mute = true // the claim is taken, and its maker never hears of it
		s.pass(s.notifier())
		s.mute = false
		want(t, "sent without a claim", len(r.requests()), 0)
		again := s.notifier()
		s.pass(again)
		want(t, "taken over too early", len(r.requests()), 0)
		s.wait(time.Minute)
		s.pass(again)
		want(t, channel, s.statuses(), outcome)
	}
}

func TestNotifier_ClaimAnsweredLate_IsStillItsOwn(t *testing.T) {
	t.Parallel()
	s, r := newSuite(t), newReceiver(t)
	s.subscribe("slack", r.URL)
	n := s.notifier()
	s.find(1, map[string]float64{"a": 0.1})
	s.mute = true
	s.pass(n)
	s.mute = false
	s.pass(n)
	want(t, "what became of it", s.statuses(), []string{"started", "delivered"})
	want(t, "requests", len(r.requests()), 1)
}

func TestNotifier_SeveralAtOnce_SendEachMessageOnce(t *testing.T) {
	t.Parallel()
	s, hook, chat := newSuite(t), newReceiver(t), newReceiver(t)
	s.subscribe("webhook", hook.URL)
	s.subscribe("slack", chat.URL)
	notifiers := []*notifier.Notifier{s.notifier(), s.notifier(), s.notifier()}
	for i := range uint32(20) {
		s.find(i+1, map[string]float64{fmt.Sprint("test", i): 0.1})
		if i%5 != 4 {
			continue
		}
		var wg sync.WaitGroup
		for _, n := range notifiers {
			wg.Go(func() { s.pass(n) })
		}
		wg.Wait()
	}
	want(t, "webhooks", len(hook.requests()), 20)
	want(t, "messages", len(chat.requests()), 20)
}

func TestNotifier_DeadReceiver_HoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	s, dead, r := newSuite(t), newReceiver(t, slices.Repeat([]int{0}, 1000)...), newReceiver(t)
	s.subscribe("webhook", dead.URL)
	s.subscribe("webhook", r.URL)
	n := s.notifier()
	for i := range uint32(30) {
		s.find(i+1, map[string]float64{fmt.Sprint("test", i): 0.1})
	}
	for range 2 {
		if err := n.Pass(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	want(t, "messages", len(r.requests()), 30)
	if tried := len(dead.requests()); tried > 2 {
		t.Errorf("the dead receiver was tried %d times in one look", tried)
	}
	for range 30 {
		s.pass(n)
	}
	want(t, "messages of the dead one that were tried", len(dead.requests()), 30)
	want(t, "messages", len(r.requests()), 30)
}

func TestNotifier_HourlyDigest_TellsOfTheHourInOneMessageAndNothingTwice(t *testing.T) {
	t.Parallel()
	s, r := newSuite(t), newReceiver(t)
	s.subscribe("webhook", r.URL, func(sub *notifier.Subscription) { sub.Every = "hourly" })
	n := s.notifier()
	s.wait(10 * time.Minute)
	s.find(1, map[string]float64{"a": 0.1})
	s.find(2, map[string]float64{"b": 0.1})
	s.find(1, map[string]float64{"c": 0.3})
	s.pass(n)
	want(t, "before the hour is over", r.heard(t), nil)
	s.wait(51 * time.Minute)
	s.find(3, map[string]float64{"late": 0.1})
	s.pass(n)
	s.pass(s.notifier())
	want(t, "first hour", r.heard(t), []string{"digest 1: c a 2: b"})
	s.wait(time.Hour)
	s.pass(n)
	s.wait(time.Hour)
	s.pass(n)
	want(t, "all hours", r.heard(t), []string{"digest 1: c a 2: b", "digest 3: late"})
}

func TestNotifier_DigestThatFailed_IsTriedAgainWithTheSameFindings(t *testing.T) {
	t.Parallel()
	s, r := newSuite(t), newReceiver(t, 500)
	s.subscribe("webhook", r.URL, func(sub *notifier.Subscription) { sub.Every = "daily" })
	n := s.notifier()
	s.find(1, map[string]float64{"a": 0.1})
	s.wait(13 * time.Hour)
	s.find(2, map[string]float64{"b": 0.1})
	s.pass(n)
	s.wait(time.Minute)
	s.pass(n)
	want(t, "messages", r.heard(t), []string{"digest 1: a", "digest 1: a"})
	want(t, "what became of it", s.statuses(), []string{"started", "failed", "started", "delivered"})
}

func TestNotifier_PrivateAddressesRefused_SendsNothingThere(t *testing.T) {
	t.Parallel()
	s, r := newSuite(t), newReceiver(t)
	s.subscribe("webhook", r.URL+"/T0/secret")
	n := s.notifier(func(c *notifier.Config) { c.PrivateAddresses = false })
	s.find(1, map[string]float64{"a": 0.1})
	s.pass(n)
	want(t, "requests", len(r.requests()), 0)
	want(t, "what became of it", s.statuses(), []string{"started", "failed"})
	if text := s.events[1].Error; !strings.Contains(text, "private") || strings.Contains(text, "secret") {
		t.Errorf("the reason is %q", text)
	}
}

func TestSlack_NamesWithMarks_AreEscapedAndBounded(t *testing.T) {
	t.Parallel()
	s, r := newSuite(t), newReceiver(t)
	s.subscribe("slack", r.URL)
	tests := map[string]float64{"<!channel>&": 0.5}
	for i := range 80 {
		tests[fmt.Sprintf("long/%s/%d", strings.Repeat("x", 100), i)] = 0.1
	}
	s.find(1, tests)
	s.pass(s.notifier())
	var m struct {
		Text   string `json:"text"`
		Blocks []struct {
			Type string `json:"type"`
			Text struct{ Type, Text string }
		} `json:"blocks"`
	}
	if err := json.Unmarshal(r.requests()[0].Body, &m); err != nil {
		t.Fatal(err)
	}
	if len(m.Blocks) != 2 || m.Blocks[0].Type != "section" || m.Blocks[0].Text.Type != "mrkdwn" {
		t.Fatalf("blocks are %+v", m.Blocks)
	}
	text := m.Blocks[0].Text.Text
	if strings.Contains(text, "<!channel>") || !strings.Contains(text, "&lt;!channel&gt;&amp;") || len(text) > 3000 || !strings.Contains(m.Text, "New regression") {
		t.Errorf("the message is %q, its text %q", m.Text, text)
	}
	if !strings.Contains(text, "and 71 more") && !strings.HasSuffix(text, "…") {
		t.Errorf("nothing is said about what is left out: %q", text)
	}
}

func TestNotifier_ReceiverAsksToBeLeftAlone_IsForAsLongAsIsBearable(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header       string
		before, then time.Duration // still quiet, and no longer
	}{
		"seconds":        {"900", 14 * time.Minute, 2 * time.Minute},
		"a date":         {noon.Add(20 * time.Minute).Format(http.TimeFormat), 19 * time.Minute, 2 * time.Minute},
		"far too long":   {"99999999999999999999", 59 * time.Minute, 2 * time.Minute},
		"a date far off": {noon.AddDate(1, 0, 0).Format(http.TimeFormat), 59 * time.Minute, 2 * time.Minute},
		"a date gone by": {noon.Add(-time.Hour).Format(http.TimeFormat), 5 * time.Second, 10 * time.Second},
		"nonsense":       {"-5", 5 * time.Second, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, r := newSuite(t), newReceiver(t, 429)
			r.header = [2]string{"Retry-After", c.header}
			s.subscribe("webhook", r.URL)
			s.find(1, map[string]float64{"a": 0.1})
			n := s.notifier()
			s.pass(n)
			s.wait(c.before)
			if c.before > time.Minute { // what is new waits, too, and another notifier knows of the first
				s.find(2, map[string]float64{"b": 0.1})
				s.pass(n)
				want(t, "requests while it is to be left alone", len(r.requests()), 1)
			} else {
				s.pass(n)
			}
			n = s.notifier()
			want(t, "requests at first", len(r.requests()), 1)
			s.wait(c.then)
			s.pass(n)
			if got := len(r.requests()); got < 2 {
				t.Errorf("%d requests after it", got)
			}
		})
	}
}

func TestNotifier_MessageDelivered_MeasuresHowLongAfterTheFinding(t *testing.T) {
	t.Parallel()
	s, r := newSuite(t), newReceiver(t)
	s.subscribe("webhook", r.URL)
	n := s.notifier()
	s.find(1, map[string]float64{"a": 0.1})
	s.wait(7 * time.Second)
	s.pass(n)
	families, err := s.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "tidemark_notifier_found_to_told_seconds" {
			h := f.GetMetric()[0].GetHistogram()
			want(t, "how many", h.GetSampleCount(), 1)
			want(t, "seconds", h.GetSampleSum(), 7)
			return
		}
	}
	t.Error("nothing is measured")
}
