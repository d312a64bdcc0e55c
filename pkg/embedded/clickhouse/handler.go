package clickhouse

import (
	"context"
	"io"
	"maps"
	"net/http"
	"time"
)

// ownStatement is the longest statement taken through Dial, in bytes. The engine's max_query_size
// (256 KiB unless set) is usually the tighter bound.
const ownStatement = 1 << 20

// handler speaks ClickHouse's HTTP interface. With a reader every statement is held to the
// reader's rules; without, it has every right.
func (e *Engine) handler(reader *Reader) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !e.gate.TryRLock() {
			http.Error(w, ErrClosed.Error(), http.StatusServiceUnavailable)
			return
		}
		defer e.gate.RUnlock()
		if !e.open.Load() {
			http.Error(w, ErrClosed.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("X-ClickHouse-Server-Display-Name", displayName)
		w.Header().Set("X-ClickHouse-Timezone", e.timezone)
		if reader != nil {
			if err := reader.admits(r); err != nil {
				http.Error(w, err.Error(), http.StatusForbidden)
				return
			}
		}
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodPost && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD, POST")
			http.Error(w, "GET and POST are answered here", http.StatusMethodNotAllowed)
		case r.URL.Path == "/ping", r.URL.Path == "/" && r.Method != http.MethodPost && !r.URL.Query().Has("query"):
			_, _ = io.WriteString(w, "Ok.\n")
		case r.URL.Path != "/":
			http.Error(w, "There is no handle "+r.URL.Path+". Statements go to /, liveness is at /ping.", http.StatusNotFound)
		default:
			e.answerStatement(w, r, reader)
		}
	})
}

func (e *Engine) answerStatement(w http.ResponseWriter, r *http.Request, reader *Reader) {
	started := time.Now()
	most := ownStatement
	if reader != nil {
		most = reader.limits.MaxStatement
	}
	q, err := e.parseRequest(r, most)
	if err != nil {
		writeException(w, asException(err))
		return
	}
	w.Header().Set("X-ClickHouse-Query-Id", q.id)
	a := newAnswer(w, q)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(e.alive, cancel)()

	if reader != nil {
		err = e.answerReader(ctx, q, a, reader)
	} else {
		if r.Method == http.MethodGet {
			q.settings["readonly"] = "2" // as a server does: a link must not change anything
		}
		err = e.answerOwn(ctx, q, a)
	}
	e.log.DebugContext(ctx, "statement answered", "query_id", q.id, "took", time.Since(started), "err", err)
	if err != nil {
		a.fail(asException(err))
	}
}

// answerOwn runs a statement with every right.
func (e *Engine) answerOwn(ctx context.Context, q *request, a *answer) error {
	if q.text == hello && q.format == "Native" {
		return e.answerHello(q, a)
	}
	release, err := e.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	settings := map[string]string{
		"async_insert":    "0", // on by default in this build; a batch is acknowledged when it is stored
		"implicit_select": "0",
	}
	maps.Copy(settings, q.settings)
	return e.run(ctx, q, a, settings, nil)
}

func (e *Engine) answerHello(q *request, a *answer) error {
	if err := a.chunk(helloBlock(e.version, e.timezone, q.revision)); err != nil {
		return err
	}
	return a.end()
}

// run executes a statement on a session of its own. prepare may add to the session and refuse.
func (e *Engine) run(ctx context.Context, q *request, a *answer, settings map[string]string, prepare func(*conn) error) error {
	if err := e.register(q.id); err != nil {
		return err
	}
	defer e.unregister(q.id)
	settings["log_comment"] = q.id // how watch finds the statement
	c, err := e.session(settings)
	if err != nil {
		return err
	}
	defer c.close()
	if q.database != "" && q.database != "default" {
		if _, err := c.query("USE "+quoteIdentifier(q.database), "Null", nil); err != nil {
			return err
		}
	}
	if prepare != nil {
		if err := prepare(c); err != nil {
			return err
		}
	}
	if q.rows != nil {
		defer e.writes.Add(1)
		if a.written, err = c.insert(q.text, q.outline.format, q.params, q.rows); err != nil {
			return err
		}
		return a.end()
	}
	what := c.classify(q.text)
	if what.statements > 1 {
		return exceptionf(codeSyntaxError, "Multi-statements are not allowed. (SYNTAX_ERROR)")
	}
	if what.class != classReadOnly {
		defer e.writes.Add(1)
	}
	return e.answerRows(ctx, c, q, a)
}

func (e *Engine) answerRows(ctx context.Context, c *conn, q *request, a *answer) error {
	release := e.watch(ctx, q.id)
	defer release()
	if q.outline.streams(q.format) {
		if err := c.stream(q.text, q.format, q.params, func(chunk []byte) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return a.chunk(chunk)
		}); err != nil {
			return err
		}
		return a.end()
	}
	out, err := c.query(q.text, q.format, q.params)
	if err != nil {
		return err
	}
	if len(out) > 0 {
		if err := a.chunk(out); err != nil {
			return err
		}
	}
	return a.end()
}
