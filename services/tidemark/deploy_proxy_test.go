package main

import (
	"log/slog"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark/pkg/store"
	"tidemark/services/web"
)

// way is one handle of the proxy's configuration: which requests it takes, and where they go.
type way struct {
	paths  []string // any of them; none for every path
	except []string // methods it does not take
	to     string
}

func (w way) takes(method, address string) bool {
	fits := len(w.paths) == 0
	for _, pattern := range w.paths {
		// The proxy's star goes over slashes.
		fits = fits || regexp.MustCompile("^"+strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*")+"$").MatchString(address)
	}
	return fits && !slices.Contains(w.except, method)
}

// ways reads the part of a Caddyfile that docker-compose.yml uses: handles in order, each with a matcher of paths or of methods.
func ways(t *testing.T) []way {
	t.Helper()
	matchers := map[string]way{"": {}}
	var out []way
	var open string // the matcher or the handle that a block belongs to
	handle := false
	for line := range strings.Lines(project(t).Configs["caddyfile"].Content) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || words[0] == "{" || words[0] == "}" || words[0] == ":8080" || words[0] == "auto_https":
		case strings.HasPrefix(words[0], "@") && len(words) > 2 && words[1] == "path":
			matchers[words[0]] = way{paths: words[2:]}
		case strings.HasPrefix(words[0], "@"):
			open = words[0]
		case words[0] == "not" && words[1] == "method":
			matchers[open] = way{except: words[2:]}
		case words[0] == "handle":
			open, handle = strings.TrimSuffix(strings.Join(words[1:], ""), "{"), true
		case words[0] == "reverse_proxy" && handle:
			w, ok := matchers[open]
			if !ok {
				t.Fatalf("no matcher %q", open)
			}
			w.to = words[1]
			out = append(out, w)
		default:
			t.Fatalf("what does %q mean?", line)
		}
	}
	return out
}

// What a proxy sends to the wrong role is refused there, with an answer that is not the product's.
func TestDeployment_TheProxy_SendsEveryAddressToTheRoleThatHasIt(t *testing.T) {
	t.Parallel()
	list := ways(t)
	sent := 0
	both := services(t)
	for _, of := range []struct {
		role    string
		service router
	}{{"api:8080", both[0]}, {"intake:8080", both[1]}, {"api:8080", pagesOf(t)}} {
		role := of.role
		for pattern, methods := range served(of.service) {
			address := path.Clean(strings.NewReplacer("*", "x").Replace(parameter.ReplaceAllString(pattern, "x")))
			for _, method := range methods {
				if method == "another" {
					continue
				}
				at := slices.IndexFunc(list, func(w way) bool { return w.takes(method, address) })
				if at < 0 || list[at].to != role {
					t.Errorf("%s %s is sent to %v, but %s has it", method, pattern, list[max(at, 0)].to, role)
				}
				sent++
			}
		}
	}
	if sent < 60 {
		t.Errorf("only %d addresses and methods were looked at", sent)
	}
	if at := slices.IndexFunc(list, func(w way) bool { return w.takes(http.MethodHead, "/") }); list[at].to != "api:8080" {
		t.Error("HEAD of a page does not reach the pages")
	}
}

// pagesOf are the pages, with nothing behind them.
func pagesOf(t *testing.T) router {
	t.Helper()
	at := store.DefaultConfig()
	at.DSN = "clickhouse://127.0.0.1:1/none"
	data, err := store.New(at)
	if err != nil {
		t.Fatal(err)
	}
	pages, err := web.New(web.DefaultConfig(), web.Deps{Store: data, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return pages
}
