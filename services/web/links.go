package web

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"tidemark/pkg/auth"
)

// links builds addresses within the site. prefix is the path the site is mounted
// under, ending in "/"; address is the same with scheme and host.
type links struct{ prefix, address string }

func newLinks(root string) links {
	l := links{prefix: "/", address: root}
	if u, err := url.Parse(root); err == nil && u.Path != "" {
		l.prefix = u.EscapedPath()
	}
	return l
}

// Home is the first page.
func (l links) Home() string { return l.prefix }

// SignIn is the page to sign in.
func (l links) SignIn() string { return l.prefix + auth.SignInPath }

// SignOut takes the form that signs out.
func (l links) SignOut() string { return l.prefix + auth.SignOutPath }

// Database is the page of one database.
func (l links) Database(database string) string {
	return l.prefix + "db_" + url.PathEscape(database) + "/"
}

// Suite is the overview of a suite.
func (l links) Suite(database, suite string) string {
	return l.Database(database) + "v4/" + url.PathEscape(suite) + "/"
}

// Machine is the page of a machine.
func (l links) Machine(database, suite string, id uint32) string {
	return l.Suite(database, suite) + "machine/" + digitsOf(id)
}

// Run is the page of a run.
func (l links) Run(database, suite string, id uint32) string {
	return l.Suite(database, suite) + digitsOf(id)
}

// Order is the page of an order.
func (l links) Order(database, suite string, id uint32) string {
	return l.Suite(database, suite) + "order/" + digitsOf(id)
}

// Orders lists all orders.
func (l links) Orders(database, suite string) string { return l.Suite(database, suite) + "all_orders" }

// Findings lists findings.
func (l links) Findings(database, suite string) string { return l.Suite(database, suite) + "findings" }

// Regressions lists regressions.
func (l links) Regressions(database, suite string) string {
	return l.Suite(database, suite) + "regressions/"
}

// Regression is the page of a regression.
func (l links) Regression(database, suite string, id uint32) string {
	return l.Regressions(database, suite) + digitsOf(id)
}

// API is the suite's address on the REST side, to which operations are added.
func (l links) API(database, suite string) string {
	if database == defaultDatabase {
		return l.prefix + "api/v5/" + url.PathEscape(suite) + "/"
	}
	return l.prefix + "api/db_" + url.PathEscape(database) + "/v5/" + url.PathEscape(suite) + "/"
}

// Receipts lists submissions.
func (l links) Receipts(database, suite string) string { return l.Suite(database, suite) + "receipts" }

// Search looks for everything.
func (l links) Search() string { return l.prefix + "search" }

// SearchIn is the same for a reader of a database's pages, who may have a token for that one alone.
func (l links) SearchIn(database string) string {
	if database == "" {
		return l.Search()
	}
	return l.Database(database) + "search"
}

// SQL is the page to ask in SQL, over one database or all.
func (l links) SQL(database string) string {
	if database == "" {
		return l.prefix + "sql"
	}
	return l.Database(database) + "sql"
}

// Test is the page of a test.
func (l links) Test(database, suite string, id uint32) string {
	return l.Suite(database, suite) + "test/" + digitsOf(id)
}

// Receipt is the page of one submission.
func (l links) Receipt(database, suite string, event uuid.UUID) string {
	return l.Receipts(database, suite) + "/" + event.String()
}

// Submit is the full address reports are sent to.
func (l links) Submit(database, suite string) string {
	return strings.TrimSuffix(l.address, l.prefix) + l.Suite(database, suite) + "submitRun"
}

// Graph is a chart of some series.
func (l links) Graph(database, suite string, plots ...plot) string {
	return l.Suite(database, suite) + "graph?" + plotQuery(plots)
}

// GraphAt is the chart of one series with an order marked.
func (l links) GraphAt(database, suite string, p plot, order uint32) string {
	return l.Graph(database, suite, p) + "&order=" + digitsOf(order)
}

// Why is what a detector says of one order of a series, as the suite was at a position, 0 for now.
func (l links) Why(database, suite string, p plot, order uint32, asOf uint64) string {
	address := l.Suite(database, suite) + "why?" + plotQuery([]plot{p}) + "&order=" + digitsOf(order)
	if asOf > 0 {
		address += "&as_of=" + uintText(asOf)
	}
	return address
}

func digitsOf(id uint32) string { return strconv.FormatUint(uint64(id), 10) }

// plot names a series the way LNT's addresses do.
type plot struct {
	Machine uint32
	Test    uint32
	// Field is the metric's position in the suite's schema.
	Field int
}

func (p plot) String() string { return fmt.Sprintf("%d.%d.%d", p.Machine, p.Test, p.Field) }

func plotQuery(plots []plot) string {
	parts := make([]string, len(plots))
	for i, p := range plots {
		parts[i] = fmt.Sprintf("plot.%d=%s", i, p)
	}
	return strings.Join(parts, "&")
}
