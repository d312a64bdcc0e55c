package web

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"

	"tidemark/pkg/auth"
	"tidemark/pkg/config"
	"tidemark/pkg/suite"
)

type adminBody struct {
	Tokens   []adminToken
	Suites   []adminSuite
	Tables   []adminTableRow
	Engine   string
	Gauges   []adminGauge
	Settings []config.Setting
}

// adminToken is a token without anything that its secret could be found by.
type adminToken struct {
	Name, Scope string
	Databases   []string
	Last        time.Time
	Events      uint64
}

type adminSuite struct {
	adminSuiteRow
	Counts suiteCountRow
	Schema suite.Schema
	// Broken says that the schema cannot be read.
	Broken bool
	Link   string
}

type adminSuiteRow struct {
	Database string    `ch:"database"`
	Suite    string    `ch:"suite"`
	Events   uint64    `ch:"events"`
	Refused  uint64    `ch:"refused"`
	Last     time.Time `ch:"last_received_at"`
	Wait     int64     `ch:"last_wait_ms"`
}

type adminActorRow struct {
	Actor  string    `ch:"actor"`
	Events uint64    `ch:"events"`
	Last   time.Time `ch:"last_received_at"`
}

type adminTableRow struct {
	Table  string `ch:"table"`
	Parts  uint64 `ch:"parts"`
	Rows   uint64 `ch:"row_count"`
	Bytes  uint64 `ch:"bytes"`
	Engine string `ch:"engine"`
}

// adminGauge is a number that this process tells about itself.
type adminGauge struct{ Name, Labels, Value, Help string }

// maxActors bounds how many names are looked up.
const maxActors = 1000

// admin answers /admin: the machine room, for who administers all databases.
func (s *Service) admin(c *fiber.Ctx) error {
	v := s.view(c, "Administration")
	v.crumb("Administration")
	if !v.Admin() {
		return v.forAdministrators()
	}
	ctx := c.UserContext()
	known, err := s.catalog(ctx)
	if err != nil {
		return err
	}
	v.Menu = s.menu(known)
	body := adminBody{Gauges: s.gauges(), Settings: s.settings}
	actors, err := list[adminActorRow](ctx, s, "page_admin_actors", map[string]any{"limit": uint32(maxActors)})
	if err != nil {
		return err
	}
	body.Tokens = s.tokens(actors)
	if body.Suites, err = s.adminSuites(c, v.L, known); err != nil {
		return err
	}
	if body.Tables, err = list[adminTableRow](ctx, s, "page_admin_tables", nil); err != nil {
		return err
	}
	if len(body.Tables) > 0 {
		body.Engine = body.Tables[0].Engine
	}
	v.Body = body
	c.Set(fiber.HeaderCacheControl, "no-store")
	return s.render(c, "admin", v)
}

// Admin says whether the reader administers all databases.
func (v view) Admin() bool {
	return v.Who.Known && v.Who.Token.Scope >= auth.Admin && len(v.Who.Token.Databases) == 0
}

// forAdministrators is the answer to everybody else.
func (v view) forAdministrators() error {
	p := &problem{
		Status: fiber.StatusForbidden, Title: "For administrators", Detail: "This page needs a token of the scope admin that is good for all databases.",
		Hint: "tidemark token makes one.", Back: v.SignIn, BackText: "Sign in",
	}
	if v.SignIn == "" {
		p.Back, p.BackText = v.L.Home(), "All databases"
	}
	return p
}

// tokens are those that people may have, with when each wrote last.
func (s *Service) tokens(actors []adminActorRow) []adminToken {
	if s.door == nil {
		return nil
	}
	last := lo.KeyBy(actors, func(a adminActorRow) string { return a.Actor })
	tokens := lo.Map(s.door.Keys().Tokens(), func(t auth.Token, _ int) adminToken {
		return adminToken{Name: t.Name, Scope: t.Scope.String(), Databases: t.Databases, Last: last[t.Name].Last, Events: last[t.Name].Events}
	})
	slices.SortFunc(tokens, func(a, b adminToken) int { return cmp.Compare(a.Name, b.Name) })
	return tokens
}

func (s *Service) adminSuites(c *fiber.Ctx, l links, known catalog) ([]adminSuite, error) {
	ctx := c.UserContext()
	rows, err := list[adminSuiteRow](ctx, s, "page_admin_suites", nil)
	if err != nil {
		return nil, err
	}
	machines, err := s.fleet(ctx, "", "")
	if err != nil {
		return nil, err
	}
	counts, err := s.suiteCounts(ctx, machines, "")
	if err != nil {
		return nil, err
	}
	counted := lo.KeyBy(counts, func(r suiteCountRow) string { return r.Database + "/" + r.Suite })
	schemas := known.schemas()
	return lo.Map(rows, func(r adminSuiteRow, _ int) adminSuite {
		key := r.Database + "/" + r.Suite
		in, readable := schemas[key]
		return adminSuite{adminSuiteRow: r, Counts: counted[key], Schema: in.Schema, Broken: !readable, Link: l.Suite(r.Database, r.Suite)}
	}), nil
}

// gauges are the process's own, such as the lag of its projector and how many reads wait.
func (s *Service) gauges() []adminGauge {
	if s.metrics == nil {
		return nil
	}
	families, err := s.metrics.Gather()
	if err != nil {
		s.log.Warn("metrics not gathered", "err", err)
	}
	var out []adminGauge
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "tidemark_") {
			continue
		}
		for _, m := range f.GetMetric() {
			if m.GetGauge() == nil {
				continue
			}
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			out = append(out, adminGauge{
				Name: strings.TrimPrefix(f.GetName(), "tidemark_"), Labels: strings.Join(labels, ", "),
				Value: strconv.FormatFloat(m.GetGauge().GetValue(), 'f', -1, 64), Help: f.GetHelp(),
			})
		}
	}
	return out
}
