package web

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"

	"tidemark/pkg/profile"
)

// Bounds of the page of a profile.
const (
	profileFunctions = 500
	profileLines     = 5000
)

// profileBody is a profile of one run, or of two beside each other.
type profileBody struct {
	Test     string
	TestID   uint32
	Runs     []profileRun
	Counters []profileCounter
	// By is the counter that sorts and colours; Choices lead to the others.
	By      string
	Choices []tab
	// Functions are those that By fell on most; Left is how many more there are.
	Functions []profileFunction
	Left      int
	// Function is the one whose code is shown, of each run that has it.
	Function string
	Code     []profileCode
}

type profileRun struct {
	ID   uint32
	Link string
}

type profileCounter struct {
	Name   string
	Values []string
	// Change is from the second run, which is older, to the first.
	Change string
}

type profileFunction struct {
	Name, Link string
	Shares     []string
	Current    bool
	most       float64
}

type profileCode struct {
	Run   uint32
	Lines []profileLine
	Cut   bool
	// Missing says why there is no code.
	Missing string
}

type profileLine struct {
	Share, Address, Text string
	// Heat is from 0 to 4.
	Heat int
}

// show answers /profile/<test>/<run>[/<other run>]: counters, functions and the code of one of them.
func (p *profiles) show(c *fiber.Ctx) error {
	v, in, err := p.suitePage(c, "Profile", "overview")
	if err != nil {
		return err
	}
	test, err := pathID(c, "test", "test")
	if err != nil {
		return err
	}
	body := profileBody{TestID: test, Function: c.Query("f")}
	var found []*profile.Profile
	for _, name := range []string{"run", "other"} {
		if c.Params(name) == "" {
			continue
		}
		run, err := pathID(c, name, "run")
		if err != nil {
			return err
		}
		one, err := p.find(c.UserContext(), in, run, test)
		if missing := (*problem)(nil); errors.As(err, &missing) && missing.Status == fiber.StatusNotFound {
			missing.Hint, missing.Back, missing.BackText = "Reports bring profiles as a value of a test's metric “profile”.", v.L.Run(in.Database, in.Name, run), "Run "+digitsOf(run)
		}
		if err != nil {
			return err
		}
		found, body.Runs = append(found, one), append(body.Runs, profileRun{run, v.L.Run(in.Database, in.Name, run)})
	}
	names, err := p.testNames(c.UserContext(), in, []uint32{test})
	if err != nil {
		return err
	}
	body.Test = names[test]
	if err := body.fill(c, found); err != nil {
		return err
	}
	v.Title = "Profile of " + body.Test
	v.Crumbs = append(v.Crumbs, crumb{"Run " + digitsOf(body.Runs[0].ID), body.Runs[0].Link})
	v.crumb("Profile")
	v.Body = body
	return p.render(c, "profile", v)
}

func (b *profileBody) fill(c *fiber.Ctx, found []*profile.Profile) error {
	counters := lo.Uniq(lo.FlatMap(found, func(p *profile.Profile, _ int) []string {
		return lo.Map(p.Counters, func(c profile.Counter, _ int) string { return c.Name })
	}))
	if len(counters) == 0 {
		return &problem{Status: fiber.StatusUnprocessableEntity, Title: "This profile is empty", Detail: "It has no counters.", Back: b.Runs[0].Link, BackText: "The run"}
	}
	var err error
	if b.By, err = choice(c, "counter", counters...); err != nil {
		return err
	}
	base := addressWithout(c, "counter")
	for _, name := range counters {
		b.Choices = append(b.Choices, tab{Text: name, Address: base + "counter=" + url.QueryEscape(name), Count: -1, Current: name == b.By})
		b.Counters = append(b.Counters, newProfileCounter(name, found))
	}
	b.fillFunctions(c, found)
	if b.Function == "" {
		return nil
	}
	known := false
	for i, p := range found {
		code := profileCode{Run: b.Runs[i].ID}
		lines, err := p.Code(b.Function)
		switch {
		case errors.Is(err, profile.ErrNoFunction):
			code.Missing = "This run has no such function."
		case err != nil:
			return unreadableProfile(err)
		default:
			known = true
			code.fill(lines, b.By)
		}
		b.Code = append(b.Code, code)
	}
	if !known {
		return notHere("The profile has no function "+clip(visible(b.Function), 200)+".", "Choose one of the list.", addressWithout(c, "f"), "Its functions")
	}
	return nil
}

func newProfileCounter(name string, found []*profile.Profile) profileCounter {
	out := profileCounter{Name: name}
	var values []uint64
	for _, p := range found {
		one, has := lo.Find(p.Counters, func(c profile.Counter) bool { return c.Name == name })
		out.Values = append(out.Values, lo.Ternary(has, integer(one.Value), "–"))
		if has {
			values = append(values, one.Value)
		}
	}
	if len(values) == 2 && values[1] != 0 {
		out.Change = percent(float64(values[0])/float64(values[1]) - 1)
	}
	return out
}

// fillFunctions lists the functions of all runs, those with the largest share of the counter in any of them first.
func (b *profileBody) fillFunctions(c *fiber.Ctx, found []*profile.Profile) {
	byName := map[string]*profileFunction{}
	base := addressWithout(c, "f")
	for i, p := range found {
		for _, f := range p.Functions {
			at := byName[f.Name]
			if at == nil {
				at = &profileFunction{Name: f.Name, Link: base + "f=" + url.QueryEscape(f.Name) + "#code", Shares: slices.Repeat([]string{"–"}, len(found)), Current: f.Name == b.Function}
				byName[f.Name] = at
			}
			if share, ok := shareOf(f.Shares, b.By); ok {
				at.Shares[i], at.most = fmt.Sprintf("%.2f%%", share), max(at.most, share)
			}
		}
	}
	all := lo.Map(lo.Values(byName), func(f *profileFunction, _ int) profileFunction { return *f })
	slices.SortFunc(all, func(a, b profileFunction) int {
		return cmp.Or(cmp.Compare(b.most, a.most), cmp.Compare(a.Name, b.Name))
	})
	b.Functions, b.Left = all[:min(len(all), profileFunctions)], max(0, len(all)-profileFunctions)
}

func shareOf(all []profile.Share, name string) (float64, bool) {
	one, ok := lo.Find(all, func(s profile.Share) bool { return s.Name == name })
	share := float64(one.Percent)
	return share, ok && !math.IsNaN(share) && !math.IsInf(share, 0)
}

func (p *profileCode) fill(lines []profile.Line, by string) {
	p.Cut = len(lines) > profileLines
	for _, l := range lines[:min(len(lines), profileLines)] {
		line := profileLine{Address: "0x" + strconv.FormatUint(l.Address, 16), Text: visible(l.Text)}
		if share, ok := shareOf(l.Shares, by); ok && share > 0 {
			line.Share = fmt.Sprintf("%.1f%%", share)
			line.Heat = min(4, 1+int(share/5))
		}
		p.Lines = append(p.Lines, line)
	}
}
