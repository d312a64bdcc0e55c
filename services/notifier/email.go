package notifier

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"net"
	"strconv"
	"strings"
	"text/template"
	"time"

	mail "github.com/wneessen/go-mail"
)

//go:embed templates
var templates embed.FS

var (
	mailText = template.Must(template.ParseFS(templates, "templates/mail.txt"))
	mailHTML = htmltemplate.Must(htmltemplate.ParseFS(templates, "templates/mail.html"))
)

// post sends mail, one connection per message.
type post struct {
	cfg     SMTP
	timeout time.Duration
}

func newPost(cfg Config) *post { return &post{cfg.SMTP, cfg.Timeout} }

// mailer is what a mail is built into.
type mailer = *mail.Msg

func (p *post) compose(to *Subscription, m Message, at time.Time) (composed, error) {
	var text, page bytes.Buffer
	if err := errors.Join(mailText.Execute(&text, &m), mailHTML.Execute(&page, &m)); err != nil {
		return composed{}, fmt.Errorf("write mail: %w", err)
	}
	subject := oneLine(m.Subject())
	build := func() (mailer, error) {
		msg := mail.NewMsg()
		if err := errors.Join(msg.From(p.cfg.From), msg.ToFromString(to.Target)); err != nil {
			return nil, err
		}
		msg.Subject(subject)
		msg.SetDateWithValue(at)
		msg.SetMessageIDWithValue(m.Delivery.String() + "@" + p.domain())
		msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: nobody on holiday answers
		msg.SetGenHeader("Tidemark-Delivery", m.Delivery.String())
		msg.SetBodyString(mail.TypeTextPlain, text.String())
		msg.AddAlternativeString(mail.TypeTextHTML, page.String())
		return msg, nil
	}
	return composed{
		sub: to, delivery: m.Delivery.String(), body: text.Bytes(), mail: build,
		headers: [][2]string{{"From", p.cfg.From}, {"To", to.Target}, {"Subject", subject}, {"Message-ID", "<" + m.Delivery.String() + "@" + p.domain() + ">"}},
	}, nil
}

// domain is that of the sender, for the ids of messages.
func (p *post) domain() string {
	_, domain, _ := strings.Cut(strings.Trim(p.cfg.From, "<> "), "@")
	domain, _, _ = strings.Cut(domain, ">")
	if domain == "" {
		return "tidemark.invalid"
	}
	return domain
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func (p *post) send(ctx context.Context, c composed) answer {
	if p.cfg.Address == "" {
		return answer{status: Failed, code: 0, reason: "no mail server is set: notifier-smtp-address"}
	}
	msg, err := c.mail()
	if err != nil {
		return answer{status: Failed, code: 553, reason: "the target is no list of mail addresses"} // RFC 5321: mailbox name not allowed
	}
	client, err := p.client()
	if err != nil {
		return answer{status: Failed, code: 0, reason: err.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	connection, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		// Not the receivers' fault, whatever the code: tried again.
		return answer{status: Failed, code: 0, reason: "connect: " + err.Error()}
	}
	// A server that says nothing holds up nobody beyond the deadline.
	stop := context.AfterFunc(ctx, func() { _ = connection.Close() })
	defer stop()
	err = client.SendWithSMTPClient(connection, msg)
	if msg.IsDelivered() {
		_ = client.CloseWithSMTPClient(connection) // it has the message, whatever it says to QUIT
		return answer{status: Delivered, code: 250}
	}
	_ = connection.Close()
	return undelivered(err)
}

// undelivered tells a mail that was refused from one of which the server may have the whole.
func undelivered(err error) answer {
	var problem *mail.SendError
	if !errors.As(err, &problem) {
		return answer{status: Failed, code: 0, reason: err.Error()}
	}
	code := problem.ErrorCode()
	if problem.Reason == mail.ErrSMTPDataClose && code == 0 {
		return answer{status: Uncertain, code: 0, reason: "the server did not answer after it had the message"}
	}
	return answer{status: Failed, code: code, reason: problem.Error()}
}

func (p *post) client() (*mail.Client, error) {
	host, portText, err := net.SplitHostPort(p.cfg.Address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return nil, fmt.Errorf("port %q is no number", portText)
	}
	options := []mail.Option{mail.WithPort(port), mail.WithTimeout(p.timeout), mail.WithoutNoop()}
	switch p.cfg.TLS {
	case tlsImplicit:
		options = append(options, mail.WithSSL())
	case tlsOpportunistic:
		options = append(options, mail.WithTLSPolicy(mail.TLSOpportunistic))
	case tlsNone:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	default:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if p.cfg.Username != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(p.cfg.Username), mail.WithPassword(p.cfg.Password))
	}
	return mail.NewClient(host, options...)
}
