package web

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/event"
	"tidemark/pkg/store"
)

type receiptsBody struct {
	Receipts []receiptRow
	Query    receiptQuery
	Tabs     []tab
	// Older leads to the submissions before these, "" when there are none.
	Older string
	// Newest leads back to the newest ones, "" when these are they.
	Newest string
}

// receiptQuery is which submissions are asked for.
type receiptQuery struct{ Status, Actor, Machine, Since, Until string }

// Narrowed says that a filter is set beside the tabs.
func (q receiptQuery) Narrowed() bool { return q.Actor+q.Machine+q.Since+q.Until != "" }

// receipts answers /receipts.
func (s *Service) receipts(c *fiber.Ctx) error {
	v, in, err := s.suitePage(c, "Submissions", "receipts")
	if err != nil {
		return err
	}
	v.crumb("Submissions")
	query, params, err := readReceiptQuery(c)
	if err != nil {
		return err
	}
	before, err := number(c, "before", 1<<63)
	if err != nil {
		return err
	}
	rows, err := list[receiptRow](c.UserContext(), s, "page_receipts", with(with(ofSuite(in), params), store.Params{
		"before": before, "limit": uint32(s.cfg.ListRows + 1),
	}))
	if err != nil {
		return err
	}
	body := receiptsBody{Query: query, Tabs: statusTabs(query.Status, addressWithout(c, "before", "status"))}
	body.Receipts, body.Older, body.Newest = stepped(c, rows, s.cfg.ListRows, func(last receiptRow) string { return uintText(last.Seq) })
	v.Body = body
	return s.render(c, "receipts", v)
}

func readReceiptQuery(c *fiber.Ctx) (q receiptQuery, params store.Params, err error) {
	if q.Status, err = choice(c, "status", "", "accepted", "rejected"); err != nil {
		return q, nil, err
	}
	if q.Actor, err = text(c, "actor"); err != nil {
		return q, nil, err
	}
	if q.Machine, err = text(c, "machine"); err != nil {
		return q, nil, err
	}
	since, until, err := readDays(c, &q.Since, &q.Until)
	if err != nil {
		return q, nil, err
	}
	return q, store.Params{"status": q.Status, "actor": q.Actor, "machine": q.Machine, "since_ms": since, "until_ms": until}, nil
}

// readDays reads since and until, both of them days that are included, as milliseconds since 1970; 0 where there is none.
func readDays(c *fiber.Ctx, since, until *string) (from, to int64, err error) {
	first, err := day(c, "since")
	if err != nil {
		return 0, 0, err
	}
	last, err := day(c, "until")
	if err != nil {
		return 0, 0, err
	}
	if !first.IsZero() {
		*since, from = first.Format(time.DateOnly), first.UnixMilli()
	}
	if !last.IsZero() {
		*until, to = last.Format(time.DateOnly), last.AddDate(0, 0, 1).UnixMilli()
	}
	if from > 0 && to > 0 && from >= to {
		return 0, 0, badParameter("until", *until, "until must not be before since.")
	}
	return from, to, nil
}

// day reads a day; absent is the zero time.
func day(c *fiber.Ctx, name string) (time.Time, error) {
	value := c.Query(name)
	if value == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, value)
	if err != nil || t.Year() < 1971 || t.Year() > 2200 {
		return time.Time{}, badParameter(name, value, name+" must be a day, written as 2026-03-14.")
	}
	return t, nil
}

func statusTabs(current, base string) []tab {
	return lo.Map([]tab{
		{Text: "All", Address: ""},
		{Text: "Accepted", Address: "accepted"},
		{Text: "Refused", Address: "rejected", Class: "bad"},
	}, func(t tab, _ int) tab {
		t.Current = t.Address == current
		t.Address = base + lo.Ternary(t.Address == "", "", "status="+t.Address)
		return t
	})
}

// mostSent bounds how much of a body is read to show a part of it, in bytes.
const mostSent = 4 << 20

type receiptBody struct {
	R receiptDetailRow
	// Refused says that nothing came of it.
	Refused bool
	// Happened is the type of the event in words.
	Happened    string
	ContentType string
	// Params came beside the body.
	Params []attribute
	Sent   sentView
	// Hidden says that the bytes are for people who manage the database: other events than submissions may carry addresses.
	Hidden bool
	// Cut says that only the beginning was looked at, or is kept.
	Cut bool
	// Wire is how many bytes came, where only their beginning is kept; 0 where all are.
	Wire string
	// Download is the address of the bytes, API that of the receipt as JSON.
	Download, API string
}

// More is what was told beside the error, where that does not say it already.
func (b receiptBody) More() string {
	if strings.Contains(b.R.Error, b.R.Message) {
		return ""
	}
	return b.R.Message
}

// receipt answers /receipts/<event>.
func (s *Service) receipt(c *fiber.Ctx) error {
	v, in, row, err := s.oneReceipt(c)
	if err != nil {
		return err
	}
	var sent sentRow
	shown, err := mayReadBytes(v, row)
	if err == nil && shown {
		sent, _, err = one[sentRow](c.UserContext(), s, "page_receipt_sent", with(ofSuite(in), store.Params{"seq": row.Seq, "most": uint64(mostSent)}))
	}
	if err != nil {
		return err
	}
	v.Crumbs = append(v.Crumbs, crumb{"Submissions", v.L.Receipts(in.Database, in.Name)})
	v.crumb(row.EventID.String())
	body := receiptBody{
		R: row, Refused: row.Status == string(event.Rejected), Happened: happened(row.Type), ContentType: sent.ContentType, Hidden: !shown, Cut: uint64(len(sent.Sent)) < row.BodyBytes,
		Sent:     showSent([]byte(sent.Sent), row.Field, row.Error+"\n"+row.Message),
		Download: v.L.Receipt(in.Database, in.Name, row.EventID) + "/body", API: v.L.API(in.Database, in.Name) + "receipts/" + row.EventID.String(),
	}
	names := lo.Keys(sent.Params)
	slices.Sort(names)
	for _, name := range names {
		if strings.HasPrefix(name, "refused_") { // shown in words above
			continue
		}
		body.Params = append(body.Params, attribute{name, clip(visible(sent.Params[name]), 500)})
	}
	if wire := sent.Params["refused_bytes"]; wire != "" && wire != uintText(row.BodyBytes) {
		body.Wire = wire
	}
	v.Body = body
	return s.render(c, "receipt", v)
}

// receiptBytes answers /receipts/<event>/body: what was sent, to be kept as a file and never to be shown by a browser.
func (s *Service) receiptBytes(c *fiber.Ctx) error {
	v, in, row, err := s.oneReceipt(c)
	if err != nil {
		return err
	}
	shown, err := mayReadBytes(v, row)
	if err != nil {
		return err
	}
	if !shown {
		return &problem{
			Status: fiber.StatusForbidden, Title: "Not for every reader", Detail: "What was sent for this event is for people who manage the database.",
			Hint: "Sign in with a token of the scope manage.", Back: v.L.Receipt(in.Database, in.Name, row.EventID), BackText: "The event",
		}
	}
	sent, _, err := one[sentRow](c.UserContext(), s, "page_receipt_sent", with(ofSuite(in), store.Params{"seq": row.Seq, "most": uint64(math.MaxInt64)}))
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentSecurityPolicy, "default-src 'none'; sandbox; frame-ancestors 'none'")
	c.Set(fiber.HeaderContentDisposition, `attachment; filename="`+row.EventID.String()+`.bin"`)
	c.Set(fiber.HeaderContentType, fiber.MIMEOctetStream)
	return c.SendString(sent.Sent)
}

// mayReadBytes says whether the reader may see what was sent: submissions are for every reader, other events may carry addresses
// that are not.
func mayReadBytes(v view, r receiptDetailRow) (bool, error) {
	if kind := event.Type(r.Type); kind == event.RunSubmitted || kind == event.SubmissionRefused {
		return true, nil
	}
	return v.May("manage")
}

func (s *Service) oneReceipt(c *fiber.Ctx) (view, suiteView, receiptDetailRow, error) {
	v, in, err := s.suitePage(c, "Submission", "receipts")
	if err != nil {
		return v, in, receiptDetailRow{}, err
	}
	spec := c.Params("event")
	gone := notHere("Suite "+in.Name+" has decided no event "+clip(spec, 60)+".",
		"A submission appears here once it is decided, which takes less than a second. Load the page again, or choose one from the list.",
		v.L.Receipts(in.Database, in.Name), "Submissions to "+in.Name)
	id, err := uuid.Parse(spec)
	if err != nil || len(spec) != 36 {
		return v, in, receiptDetailRow{}, gone
	}
	row, found, err := one[receiptDetailRow](c.UserContext(), s, "page_receipt", with(ofSuite(in), store.Params{"event_id": id}))
	if err == nil && !found {
		err = gone
	}
	return v, in, row, err
}
