package notifier_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"tidemark/services/notifier"
)

// mailbox is an SMTP server that keeps what it takes.
type mailbox struct {
	address string
	mu      sync.Mutex
	got     []string
	tries   int
	users   []string
	// refuse says what is answered to a recipient, hangUp whether the connection ends without an answer to the message.
	refuse *smtp.SMTPError
	hangUp bool
}

func newMailbox(t testing.TB, certificate *tls.Certificate) *mailbox {
	t.Helper()
	m := &mailbox{}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &session{m, c.Conn()}, nil }))
	server.Domain, server.AllowInsecureAuth = "localhost", true
	server.ErrorLog = discard{}
	if certificate != nil {
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*certificate}, MinVersion: tls.VersionTLS12}
	}
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	m.address = net.JoinHostPort("localhost", port)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ln) }()
	t.Cleanup(func() {
		_ = server.Close()
		if err := <-ended; err != nil && !errors.Is(err, smtp.ErrServerClosed) {
			t.Errorf("serve mail: %v", err)
		}
	})
	return m
}

type discard struct{}

func (discard) Printf(string, ...any) {}
func (discard) Println(...any)        {}

// own is a certificate that this process trusts.
var own *tls.Certificate

func trustOwnCertificate() error {
	var der []byte
	var err error
	if own, der, err = certificate(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "tidemark-certificate-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a folder of tests
	path := filepath.Join(dir, "own.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		return err
	}
	if err := os.Setenv("SSL_CERT_FILE", path); err != nil {
		return err
	}
	_, err = x509.SystemCertPool() // reads it once for all
	return err
}

func certificate() (*tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, der, err
}

type session struct {
	m    *mailbox
	conn net.Conn
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		s.m.mu.Lock()
		defer s.m.mu.Unlock()
		s.m.users = append(s.m.users, user)
		if password != "open sesame" {
			return errors.New("wrong password")
		}
		return nil
	}), nil
}

func (s *session) Mail(string, *smtp.MailOptions) error {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.m.tries++
	return nil
}

func (s *session) Rcpt(string, *smtp.RcptOptions) error {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if s.m.refuse != nil {
		return s.m.refuse
	}
	return nil
}

func (s *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.m.got = append(s.m.got, string(text))
	if s.m.hangUp {
		return errors.Join(s.conn.Close(), io.ErrClosedPipe)
	}
	return nil
}

func (*session) Reset()        {}
func (*session) Logout() error { return nil }

// mails are what the server took, and how often it was asked to.
func (m *mailbox) mails() (got []string, tries int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.got, m.tries
}

func (m *mailbox) answer(e *smtp.SMTPError) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refuse = e
}

func byMail(m *mailbox, change ...func(*notifier.SMTP)) func(*notifier.Config) {
	return func(c *notifier.Config) {
		c.SMTP = notifier.SMTP{Address: m.address, From: "Tidemark <perf@example.org>", TLS: "none"}
		for _, f := range change {
			f(&c.SMTP)
		}
	}
}

func TestEmail_DailyDigest_ArrivesAsTextAndHTML(t *testing.T) {
	t.Parallel()
	s, m := newSuite(t), newMailbox(t, own)
	s.subscribe("email", "ann@example.org", func(sub *notifier.Subscription) { sub.Every = "daily" })
	n := s.notifier(byMail(m, func(c *notifier.SMTP) { c.TLS, c.Username, c.Password = "starttls", "perf", "open sesame" }))
	s.find(1, map[string]float64{"a<b>": 0.051})
	s.find(2, map[string]float64{"c": 0.2})
	s.wait(12 * time.Hour)
	s.pass(n)
	want(t, "what became of it", s.statuses(), []string{"started", "delivered"})
	got, _ := m.mails()
	if len(got) != 1 || len(m.users) != 1 || m.users[0] != "perf" {
		t.Fatalf("%d mails came, from %v", len(got), m.users)
	}
	msg, err := mail.ReadMessage(strings.NewReader(got[0]))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject"))
	if err != nil {
		t.Fatal(err)
	}
	want(t, "subject", subject, "[nts] 2 changes")
	want(t, "to", msg.Header.Get("To"), "<ann@example.org>")
	if id := msg.Header.Get("Message-ID"); id != "<"+s.events[0].ID.String()+"@example.org>" {
		t.Errorf("the id is %s", id)
	}
	kind, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("it is %s: %v", kind, err)
	}
	parts := multipart.NewReader(msg.Body, params["boundary"])
	for _, part := range []struct{ kind, text, link string }{
		{"text/plain", "+5.1 %  a<b> execution_time on m1: 100 → 105.1 at r12", "graph?plot.0=1.1.2&order=12"},
		{"text/html", ">a&lt;b&gt;</a>", `href="https://perf.example/tidemark/db_default/v4/nts/graph?plot.0=1.1.2&amp;order=12"`},
	} {
		p, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		if kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type")); kind != part.kind || !strings.Contains(string(text), part.text) || !strings.Contains(string(text), part.link) {
			t.Errorf("part %s, want %s with %q and %q:\n%s", kind, part.kind, part.text, part.link, text)
		}
	}
}

func TestEmail_ServerRefuses_TemporaryIsTriedAgainPermanentIsNot(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code int
		want []string
	}{
		{451, []string{"started", "failed", "started", "delivered"}},
		{550, []string{"started", "failed"}},
	} {
		s, m := newSuite(t), newMailbox(t, nil)
		s.subscribe("email", "ann@example.org")
		n := s.notifier(byMail(m))
		m.answer(&smtp.SMTPError{Code: c.code, Message: "no"})
		s.find(1, map[string]float64{"a": 0.1})
		s.pass(n)
		want(t, "code", int(s.events[1].Code), c.code)
		m.answer(nil)
		s.wait(time.Minute)
		s.pass(n)
		want(t, "what became of it", s.statuses(), c.want)
	}
}

func TestEmail_ServerEndsAfterTheMessage_IsUncertainAndNotSentAgain(t *testing.T) {
	t.Parallel()
	s, m := newSuite(t), newMailbox(t, nil)
	m.hangUp = true
	s.subscribe("email", "ann@example.org")
	n := s.notifier(byMail(m))
	s.find(1, map[string]float64{"a": 0.1})
	s.pass(n)
	s.wait(time.Hour)
	s.pass(n)
	want(t, "what became of it", s.statuses(), []string{"started", "uncertain"})
	if _, tries := m.mails(); tries != 1 {
		t.Errorf("it was sent %d times", tries)
	}
}

func TestEmail_EncryptionNeeded_NothingGoesInTheClear(t *testing.T) {
	t.Parallel()
	stranger, _, err := certificate()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*tls.Certificate{nil, stranger} { // without STARTTLS, and with a certificate that nobody vouches for
		s, m := newSuite(t), newMailbox(t, c)
		s.subscribe("email", "ann@example.org")
		n := s.notifier(byMail(m, func(c *notifier.SMTP) { c.TLS, c.Username, c.Password = "starttls", "perf", "open sesame" }))
		s.find(1, map[string]float64{"a": 0.1})
		s.pass(n)
		want(t, "what became of it", s.statuses(), []string{"started", "failed"})
		if _, tries := m.mails(); tries != 0 || len(m.users) != 0 {
			t.Errorf("%d mails were offered in the clear, by %v", tries, m.users)
		}
	}
}
