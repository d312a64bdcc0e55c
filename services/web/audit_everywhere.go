package web

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"

	"tidemark/pkg/store"
	"tidemark/pkg/suite"
)

// auditEverywhere answers /admin/audit: what was written to all databases, for who administers them all.
func (s *Service) auditEverywhere(c *fiber.Ctx) error {
	v := s.view(c, "Audit of all databases")
	v.Crumbs = append(v.Crumbs, crumb{Text: "Administration", Address: v.L.Home() + "admin"})
	v.crumb("Audit")
	if !v.Admin() {
		return v.forAdministrators()
	}
	known, err := s.catalog(c.UserContext())
	if err != nil {
		return err
	}
	v.Menu = s.menu(known)
	query, params, err := readEverywhereQuery(c)
	if err != nil {
		return err
	}
	end, err := readAuditEnd(c)
	if err != nil {
		return err
	}
	entries, err := s.entriesEverywhere(c.UserContext(), v.L, with(with(params, end.params()), store.Params{"limit": uint32(s.cfg.ListRows + 1)}))
	if err != nil {
		return err
	}
	body := s.auditBody(c, query, entries, func(last auditEntry) string {
		return auditEnd{last.ReceivedAt, last.Database, last.Suite, last.Seq}.String()
	})
	body.Everywhere = true
	body.CSV = v.L.Home() + "admin/audit.csv" + strings.TrimRight(addressWithout(c, "before"), "?&")
	body.Databases = lo.Map(v.Menu, func(m menuEntry, _ int) string { return m.Database })
	v.Body = body
	c.Set(fiber.HeaderCacheControl, "no-store")
	return s.render(c, "audit", v)
}

// auditEverywhereCSV answers /admin/audit.csv: the newest events that are asked for.
func (s *Service) auditEverywhereCSV(c *fiber.Ctx) error {
	v := s.view(c, "Audit of all databases")
	if !v.Admin() {
		return v.forAdministrators()
	}
	_, params, err := readEverywhereQuery(c)
	if err != nil {
		return err
	}
	entries, err := s.entriesEverywhere(c.UserContext(), v.L, with(with(params, auditEnd{}.params()), store.Params{"limit": uint32(auditExport)}))
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	return auditFile(c, entries, true)
}

// readEverywhereQuery is readAuditQuery with a choice of the database.
func readEverywhereQuery(c *fiber.Ctx) (auditQuery, store.Params, error) {
	query, params, err := readAuditQuery(c)
	if err != nil {
		return query, nil, err
	}
	query.Database, err = text(c, "database")
	return query, with(params, store.Params{"database": query.Database}), err
}

// entriesEverywhere are events of all suites. They go by time, those of one suite by position, which the ledger's order finds at once:
// hence a statement for each.
func (s *Service) entriesEverywhere(ctx context.Context, l links, params store.Params) ([]auditEntry, error) {
	rows, err := list[auditRow](ctx, s, "page_admin_audit", params)
	return lo.Map(rows, func(r auditRow, _ int) auditEntry {
		return toEntry(l, suiteView{Database: r.Database, Schema: suite.Schema{Name: r.Suite}}, r)
	}), err
}

// auditEnd is the event at which a page of the list over all suites ends; the zero value is none.
type auditEnd struct {
	At              time.Time
	Database, Suite string
	Seq             uint64
}

func (e auditEnd) String() string {
	return fmt.Sprintf("%d/%d/%s/%s", e.At.UnixMilli(), e.Seq, e.Database, e.Suite)
}

func (e auditEnd) params() store.Params {
	p := store.Params{"before_ms": int64(0), "before_database": e.Database, "before_suite": e.Suite, "before_seq": e.Seq}
	if !e.At.IsZero() {
		p["before_ms"] = e.At.UnixMilli()
	}
	return p
}

// readAuditEnd reads before, which the page made itself.
func readAuditEnd(c *fiber.Ctx) (end auditEnd, err error) {
	given, err := text(c, "before")
	if err != nil || given == "" {
		return auditEnd{}, err
	}
	parts := strings.SplitN(given, "/", 4)
	if len(parts) == 4 {
		ms, notTime := strconv.ParseInt(parts[0], 10, 64)
		seq, notSeq := strconv.ParseUint(parts[1], 10, 64)
		if notTime == nil && notSeq == nil && ms > 0 && ms < maxMilliseconds {
			return auditEnd{time.UnixMilli(ms), parts[2], parts[3], seq}, nil
		}
	}
	return auditEnd{}, badParameter("before", given, "before is where the page before ended, as its link has it.")
}

// maxMilliseconds is the first instant that ClickHouse cannot hold, 2300-01-01, in milliseconds since 1970.
const maxMilliseconds = 10_413_792_000_000
