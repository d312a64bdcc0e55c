package web_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"tidemark/pkg/event"
)

// receiptLink finds the pages of single submissions.
var receiptLink = regexp.MustCompile(`href="(/db_default/v4/nts/receipts/[0-9a-f-]{36})"`)

// refusedReport has its mistake in line 8.
const refusedReport = `{
  "format_version": "2",
  "machine": {"name": "m2-ultra-01"},
  "run": {"llvm_project_revision": "9"},
  "tests": [
    {"name": "<img src=x onerror=alert(1)>", "execution_time": 1},
    {"name": "</td></table><script>alert(2)</script>",
     "cycles": 1, "note": "` + "\u202e" + `"}
  ]
}`

func TestReceipt_OfARefusedReport_TellsWhyWhereAndShowsTheBytesAsText(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.submit("default", "nts", "graviton", "1", noon.Add(-48*time.Hour), test{"name": "t", "execution_time": 1.0})
	w.actor = "nightly"
	d := w.decide("default", "nts", event.RunSubmitted, noon.Add(-time.Hour), []byte(refusedReport), nil)
	if d.Status != event.Rejected {
		t.Fatalf("%s %s", d.Status, d.Error)
	}
	binary := w.decide("default", "nts", event.RunSubmitted, noon.Add(-time.Minute), []byte("\x00\xff\xfe<script>"), nil)
	if binary.Status != event.Rejected {
		t.Fatalf("%s %s", binary.Status, binary.Error)
	}
	w.flush()

	refused := w.ok("/v4/nts/receipts?status=rejected&actor=NIGHT&since=2026-03-14&until=2026-03-14")
	links := receiptLink.FindAllStringSubmatch(refused, -1)
	if len(links) != 4 { // two rows with two links each
		t.Fatalf("%d links to receipts in the list", len(links))
	}
	// The list says the reason once, which has the field in it.
	if n := strings.Count(refused, "tests[1].cycles"); n != 1 {
		t.Errorf("the list names the field %d times:\n%s", n, refused)
	}
	page := w.ok(links[2][1])
	mustContain(t, page, "✕ Refused with 400", "declares no such metric", "tests[1].cycles", "line 8, column 16", `<tr id="wrong" class="wrong"><th scope="row">8</th>`,
		"nightly", "r2", "events/3 @ 2", "&lt;script&gt;alert(2)&lt;/script&gt;", `\u{202e}`)
	mustNotContain(t, page, "<script>alert", "<img src=x", "\u202e")
	shown := w.ok(links[0][1])
	mustContain(t, shown, "These bytes are no text", "00000000  00 ff fe 3c 73 63 72 69", `|...&lt;script&gt;|`)
	mustNotContain(t, shown, "<script>|")

	file := w.get(links[2][1] + "/body")
	if file.Body != refusedReport {
		t.Errorf("the download is not what was sent: %q", file.Body)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/octet-stream", "X-Content-Type-Options": "nosniff",
		"Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
	} {
		if got := file.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := file.Header.Get("Content-Disposition"); !strings.HasPrefix(got, `attachment; filename="`) {
		t.Errorf("disposition %q", got)
	}
}

func TestReceipts_Filters_Narrow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i, machine := range []string{"graviton", "zen5", "zen5"} {
		w.actor = fmt.Sprintf("bot-%d", i)
		w.submit("default", "nts", machine, fmt.Sprint(i+1), noon.AddDate(0, 0, i-3), test{"name": "t", "execution_time": 1.0})
	}
	w.refuse("default", noon)
	w.flush()
	for query, want := range map[string]int{
		"": 4, "status=rejected": 1, "actor=bot-1": 1, "actor=bot": 4, "machine=ZEN": 2, "machine=zen&actor=bot-1": 1, "since=2026-03-12": 3,
		"until=2026-03-12": 2, "since=2026-03-12&until=2026-03-12": 1, "machine=%25": 0,
	} {
		if got := strings.Count(w.ok("/v4/nts/receipts?"+query), `<td class="lead">`); got != want {
			t.Errorf("%s: %d submissions, want %d", query, got, want)
		}
	}
	mustContain(t, w.ok("/v4/nts/receipts?machine=none"), "No submission matches")
	taken := receiptLink.FindStringSubmatch(w.ok("/v4/nts/receipts?status=accepted"))[1]
	mustContain(t, w.ok(taken), "✓ Taken", "zen5", "1 run, 1 sample", `href="/api/v5/nts/receipts/`, "llvm_project_revision")
	for path, status := range map[string]int{
		"/v4/nts/receipts/none": http.StatusNotFound, "/v4/nts/receipts/00000000-0000-0000-0000-000000000001": http.StatusNotFound,
		"/v4/nts/receipts/none/body": http.StatusNotFound, "/v4/compile/receipts/" + taken[len(taken)-36:]: http.StatusNotFound,
		"/v4/nts/receipts?since=yesterday": http.StatusBadRequest, "/v4/nts/receipts?until=2026-13-01": http.StatusBadRequest,
		"/v4/nts/receipts?since=2026-03-12&until=2026-03-10": http.StatusBadRequest,
	} {
		if p := w.get(path); p.Status != status {
			t.Errorf("%s: %d, want %d", path, p.Status, status)
		}
	}
}
