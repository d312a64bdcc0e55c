package notifier

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
	"unicode"
)

// maxAnswer is how much of a receiver's answer is read, for its reason.
const maxAnswer = 4 << 10

// errPrivate says that the receiver's address is one that the settings do not allow.
var errPrivate = errors.New("the address is private, and notifier-private-addresses is off")

// poster posts JSON. It follows no redirect: a receiver is the address that was given and no other.
type poster struct {
	client  *http.Client
	channel string
	// most is the longest pause that a receiver is granted, by this clock.
	most  time.Duration
	clock func() time.Time
	// secret is the key of a subscription; nil for channels without signatures.
	secret func(*Subscription) string
	encode func(Message) ([]byte, error)
}

func newPoster(cfg Config, clock func() time.Time, channel string, secret func(*Subscription) string, encode func(Message) ([]byte, error)) *poster {
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // documented to be one
	if !cfg.PrivateAddresses {
		// A proxy would be asked for addresses that are then not seen here.
		transport.Proxy = nil
		transport.DialContext = (&net.Dialer{Timeout: cfg.Timeout, Control: publicOnly}).DialContext
	}
	transport.MaxConnsPerHost = cfg.Concurrency
	return &poster{most: cfg.RetryMax, clock: clock, channel: channel, secret: secret, encode: encode, client: &http.Client{
		Transport:     transport,
		Timeout:       cfg.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// publicOnly refuses a connection by the address it really goes to, whatever a name resolved to before.
func publicOnly(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	ip := at.Addr().Unmap()
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || shared.Contains(ip) {
		return errPrivate
	}
	return nil
}

// shared is carriers' own address space (RFC 6598).
var shared = netip.MustParsePrefix("100.64.0.0/10")

func (p *poster) compose(to *Subscription, m Message, at time.Time) (composed, error) {
	body, err := p.encode(m)
	if err != nil {
		return composed{}, fmt.Errorf("encode message: %w", err)
	}
	c := composed{sub: to, delivery: m.Delivery.String(), body: body, headers: [][2]string{
		{"Content-Type", "application/json"}, {"User-Agent", "Tidemark"},
	}}
	if p.secret != nil {
		c.headers = append(c.headers,
			[2]string{"Tidemark-Delivery", m.Delivery.String()},
			[2]string{"Tidemark-Timestamp", strconv.FormatInt(at.Unix(), 10)},
			[2]string{"Tidemark-Signature", Sign(p.secret(to), at, body)})
	}
	return c, nil
}

func (p *poster) send(ctx context.Context, c composed) answer {
	var written atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { written.Store(true) }})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.sub.Target, bytes.NewReader(c.body))
	if err != nil {
		return answer{status: Failed, code: http.StatusBadRequest, reason: "the target is no address that can be posted to"}
	}
	req.GetBody = nil // the transport must not repeat it unasked
	for _, h := range c.headers {
		req.Header.Set(h[0], h[1])
	}
	res, err := p.client.Do(req)
	if err != nil {
		status := Failed
		if written.Load() && !repeatable(p.channel) {
			status = Uncertain
		}
		return answer{status: status, code: 0, reason: bare(err)}
	}
	defer res.Body.Close() //nolint:errcheck // only read
	text, _ := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		return answer{status: Delivered, code: res.StatusCode}
	}
	return answer{
		status: Failed, code: res.StatusCode, reason: strings.TrimSpace("answered " + res.Status + " " + excerpt(text)),
		wait: retryAfter(res.Header.Get("Retry-After"), p.clock(), p.most),
	}
}

// retryAfter reads the header of that name (RFC 9110, 10.2.3), seconds or a date, as the time from now; 0 for none or nonsense, and
// never more than most: a receiver cannot put a message off for good.
func retryAfter(header string, now time.Time, most time.Duration) time.Duration {
	header = strings.TrimSpace(header)
	if header != "" && strings.Trim(header, "0123456789") == "" {
		seconds, err := strconv.ParseUint(header, 10, 31)
		if err != nil { // more than fits
			return most
		}
		return min(time.Duration(seconds)*time.Second, most)
	}
	at, err := http.ParseTime(header)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), most)
}

// bare is an error without the address, in which there may be a secret.
func bare(err error) string {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return err.Error()
}

// excerpt is the beginning of an answer in one line.
func excerpt(text []byte) string {
	line := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(string(text), ""))
	line = strings.Join(strings.Fields(line), " ")
	const most = 200
	if len(line) > most {
		return strings.ToValidUTF8(line[:most], "") + "…"
	}
	return line
}

func encodeJSON(m Message) ([]byte, error) { return json.Marshal(m) }
