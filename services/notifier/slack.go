package notifier

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Bounds of what Slack takes: https://api.slack.com/reference/block-kit/blocks.
const (
	slackSection  = 2800 // of 3000 characters
	slackFindings = 10
	slackBlocks   = 45 // of 50
)

type slackMessage struct {
	Text   string       `json:"text"`
	Blocks []slackBlock `json:"blocks"`
}

type slackBlock struct {
	Type string     `json:"type"`
	Text *slackText `json:"text,omitempty"`
	// Elements are those of a context block.
	Elements []slackText `json:"elements,omitempty"`
}

type slackText struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// encodeSlack is a message in the form that incoming webhooks of Slack, Mattermost and others take.
func encodeSlack(m Message) ([]byte, error) {
	out := slackMessage{Text: escape(m.Subject())}
	section := func(text string) {
		if len(out.Blocks) < slackBlocks {
			out.Blocks = append(out.Blocks, slackBlock{Type: "section", Text: &slackText{"mrkdwn", cut(text, slackSection)}})
		}
	}
	for i := range m.Regressions {
		section(slackChange(&m.Regressions[i]))
	}
	for i := range m.Signals {
		section("*" + escape(m.Signals[i].Sentence()) + "*\n" + escape(m.Signals[i].Detail))
	}
	if len(m.Regressions) == 0 && len(m.Signals) == 0 {
		section(escape(m.Subject()))
	}
	note := "Tidemark · " + escape(m.Subscription.Name)
	if m.URL != "" {
		note += " · <" + m.URL + "|all findings>"
	}
	out.Blocks = append(out.Blocks, slackBlock{Type: "context", Elements: []slackText{{"mrkdwn", note}}})
	return json.Marshal(out)
}

func slackChange(c *MessageChange) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%s*", escape(c.Headline()))
	if r := c.Range(); r != "" {
		fmt.Fprintf(&b, "\n%s", escape(r))
	}
	if c.Cause == "machine" {
		b.WriteString("\nThe machine itself seems to have moved.")
	}
	for i := range c.Findings[:min(len(c.Findings), slackFindings)] {
		f := &c.Findings[i]
		name := escape(f.Test + " · " + f.Metric)
		if f.URL != "" {
			name = "<" + f.URL + "|" + strings.ReplaceAll(name, "|", "¦") + ">"
		}
		fmt.Fprintf(&b, "\n• *%s* %s on %s (%s)", f.Percent(), name, escape(f.Machine), f.Levels())
	}
	if more := c.Total - min(len(c.Findings), slackFindings); more > 0 {
		fmt.Fprintf(&b, "\n… and %d more", more)
	}
	return b.String()
}

// escape keeps names from being read as marks of Slack's.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// cut shortens at a line's end.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	if i := strings.LastIndexByte(s[:most], '\n'); i > 0 {
		return s[:i] + "\n…"
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
