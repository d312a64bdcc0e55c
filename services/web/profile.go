package web

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"tidemark/pkg/profile"
	"tidemark/pkg/report"
	"tidemark/pkg/store"
)

const (
	// maxProfileRuns is how many runs' counters are answered at once; LNT's page asks for two.
	maxProfileRuns = 16
	// profileWait is how long a request for a profile waits for others: each may take the memory of a whole report.
	profileWait = 5 * time.Second
)

// profileRow is the report a profile is in.
type profileRow struct {
	Body []byte `ch:"body"`
	Test string `ch:"test"`
}

// profiles answers what the page of a profile asks for. One profile at a time is looked for: it is somewhere in a report of up to
// the size of the largest submission.
type profiles struct {
	*Service
	turn chan struct{}
}

// ajax answers /v4/<suite>/profile/ajax/<what>.
func (p *profiles) ajax() handler {
	return func(c *fiber.Ctx) error {
		c.Locals(wantsData, true)
		answers := map[string]func(*fiber.Ctx, suiteView) (any, error){
			"getFunctions": p.functions, "getTopLevelCounters": p.counters, "getCodeForFunction": p.code,
		}
		_, in, err := p.suitePage(c, "", "")
		if err != nil {
			return err
		}
		answer, ok := answers[c.Params("what")]
		if !ok {
			return notHere("Profiles have no "+clip(c.Params("what"), 100)+".", "They have getFunctions, getTopLevelCounters and getCodeForFunction.", "", "")
		}
		value, err := answer(c, in)
		if err != nil {
			return err
		}
		return c.JSON(value)
	}
}

// shares are what fell on a function or an instruction, by counter: percent, or null for what is no number.
type shares map[string]*float64

func sharesOf(list []profile.Share) shares {
	m := shares{}
	for _, s := range list {
		m[s.Name] = nil
		if f := float64(s.Percent); !math.IsNaN(f) && !math.IsInf(f, 0) {
			m[s.Name] = &f
		}
	}
	return m
}

// functions answers [[name, {"counters": {…}, "length": n}], …].
func (p *profiles) functions(c *fiber.Ctx, in suiteView) (any, error) {
	found, err := p.ofQuery(c, in)
	if err != nil {
		return nil, err
	}
	type info struct {
		Counters shares `json:"counters"`
		Length   uint64 `json:"length"`
	}
	list := make([][2]any, len(found.Functions))
	for i, f := range found.Functions {
		list[i] = [2]any{f.Name, info{sharesOf(f.Shares), f.Length}}
	}
	return list, nil
}

// counters answers {counter: [of the first run, of the second, …]}, null where a run has none; of the first run alone when the
// second has nothing at all.
func (p *profiles) counters(c *fiber.Ctx, in suiteView) (any, error) {
	names := strings.Split(c.Query("runids"), ",")
	if len(names) > maxProfileRuns {
		return nil, badParameter("runids", c.Query("runids"), fmt.Sprintf("runids may have at most %d runs.", maxProfileRuns))
	}
	test, err := profileID("testid", c.Query("testid"))
	if err != nil {
		return nil, err
	}
	all := map[string][]*uint64{}
	second := false
	for i, name := range names {
		run, err := profileID("runids", name)
		if err != nil {
			return nil, err
		}
		found, err := p.find(c.UserContext(), in, run, test)
		if missing := (*problem)(nil); errors.As(err, &missing) && missing.Status == fiber.StatusNotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, counter := range found.Counters {
			if all[counter.Name] == nil {
				all[counter.Name] = make([]*uint64, len(names))
			}
			all[counter.Name][i] = &counter.Value
			second = second || i == 1
		}
	}
	if len(names) > 1 && !second {
		for name := range all {
			all[name] = all[name][:1]
		}
	}
	return all, nil
}

// code answers [[{counter: percent}, address, "text"], …].
func (p *profiles) code(c *fiber.Ctx, in suiteView) (any, error) {
	found, err := p.ofQuery(c, in)
	if err != nil {
		return nil, err
	}
	name := unquote(c.Query("f"))
	lines, err := found.Code(name)
	switch {
	case errors.Is(err, profile.ErrNoFunction):
		return nil, notHere("The profile has no function "+clip(name, 200)+".", "getFunctions lists those it has.", "", "")
	case err != nil:
		return nil, unreadableProfile(err)
	}
	list := make([][3]any, len(lines))
	for i, line := range lines {
		list[i] = [3]any{sharesOf(line.Shares), line.Address, line.Text}
	}
	return list, nil
}

func unreadableProfile(err error) error {
	return &problem{
		Status: fiber.StatusUnprocessableEntity, Title: "This profile cannot be shown",
		Detail: "It " + err.Error() + ".", Hint: "Submit the run again with a whole one.",
	}
}

// ofQuery finds the profile of runid and testid.
func (p *profiles) ofQuery(c *fiber.Ctx, in suiteView) (*profile.Profile, error) {
	run, err := profileID("runid", c.Query("runid"))
	if err != nil {
		return nil, err
	}
	test, err := profileID("testid", c.Query("testid"))
	if err != nil {
		return nil, err
	}
	return p.find(c.UserContext(), in, run, test)
}

func profileID(name, value string) (uint32, error) {
	id, err := strconv.ParseUint(value, 10, 32)
	if err != nil {
		return 0, badParameter(name, value, name+" must be a number, as the lists of runs and tests have them.")
	}
	return uint32(id), nil
}

// find takes the profile out of the report its run came in.
func (p *profiles) find(ctx context.Context, in suiteView, run, test uint32) (*profile.Profile, error) {
	wait, cancel := context.WithTimeout(ctx, profileWait)
	defer cancel()
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-wait.Done():
		return nil, store.ErrBusy
	}
	row, ok, err := one[profileRow](ctx, p.Service, "profile_report", with(ofSuite(in), store.Params{"run_id": run, "test_id": test}))
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, notHere(fmt.Sprintf("Run %d has no profile of test %d.", run, test), "", "", "")
	}
	data, err := report.ProfileOf(row.Body, row.Test, report.Options{})
	if err != nil {
		return nil, fmt.Errorf("profile of run %d, test %d: %w", run, test, err)
	}
	found, err := profile.Read(data)
	if err != nil {
		return nil, fmt.Errorf("profile of run %d, test %d: %w", run, test, err)
	}
	return found, nil
}

// unquote undoes percent-encoding where it is any. LNT's page encodes names of functions twice.
func unquote(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if plain, err := url.PathUnescape(s[i : i+3]); err == nil {
				b.WriteString(plain)
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	if out := b.String(); utf8.ValidString(out) {
		return out
	}
	return strings.ToValidUTF8(b.String(), "\ufffd")
}
