package web_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"

	"tidemark/pkg/testkit/browser"
)

func TestAdmin_ForAdministratorsAlone_ShowsTheMachineRoomWithoutSecrets(t *testing.T) {
	t.Parallel()
	w := newGuardedWorld(t)
	w.actor = "submiter"
	w.submit("default", "nts", "graviton", "1", noon, test{"name": "t", "execution_time": 1.0})
	w.submit("other", "nts", "zen", "1", noon, test{"name": "t", "execution_time": 1.0})
	w.refuse("default", noon)
	w.flush()
	for _, scope := range []string{"read", "submit", "triage", "manage"} {
		p := w.get("/admin", "Cookie", w.signIn(scope))
		if p.Status != http.StatusForbidden {
			t.Errorf("a %s: %d", scope, p.Status)
		}
		mustNotContain(t, p.Body, "graviton", "Tokens", ">Administration</a>")
	}
	nobody := w.get("/admin")
	if nobody.Status != http.StatusForbidden {
		t.Errorf("nobody: %d", nobody.Status)
	}
	mustContain(t, nobody.Body, "scope admin", "/signin")
	cookie := w.signIn("admin")
	page := w.get("/admin", "Cookie", cookie)
	if page.Status != http.StatusOK || page.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %s\n%s", page.Status, page.Header.Get("Cache-Control"), page.Body)
	}
	mustContain(t, page.Body, "default/nts", "other/nts", "1 run field,", "manageer", "<code>ledger</code>", "execution_time", "llvm_project_revision", "(order)", "ClickHouse 2", ">Administration</a>")
	for _, secret := range w.secrets {
		digest := sha256.Sum256([]byte(secret))
		mustNotContain(t, page.Body, secret, secret[4:20], hex.EncodeToString(digest[:]))
	}

	b := openTab(t)
	root := listen(t, w.app)
	b.Do(t, chromedp.Navigate(root+"/signin?next=/admin"))
	b.Do(t, chromedp.SendKeys(chromedp.CSS("#token"), w.secrets["admin"]))
	b.Follow(t, chromedp.Click(chromedp.CSS("form button.first")))
	for _, view := range []struct {
		name  string
		width int64
		dark  bool
	}{{"admin-light", 1280, false}, {"admin-phone", 400, true}} {
		b.Look(t, view.width, 900, view.dark)
		if over := browser.See[int](t, b.Tab, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
			t.Errorf("%s: %d pixels too wide", view.name, over)
		}
		b.picture(t, view.name)
	}
	b.Quiet(t)
}
