package web

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of what is shown of a body. All of it can be downloaded.
const (
	sentLines   = 200
	sentColumns = 400
	sentHex     = 4 << 10
)

// sentLine is a line of a body as it is shown: text in which nothing is hidden.
type sentLine struct {
	Number int
	Text   string
	// Wrong marks the line of the mistake.
	Wrong bool
	// Before and After say that the line goes on there.
	Before, After bool
}

// sentView is the part of a body that is shown.
type sentView struct {
	Lines []sentLine
	// Hex says that the bytes are no text.
	Hex bool
	// All is how many lines there are, of which not all may be shown.
	All int
	// Line and Column are where the mistake is, from 1; 0 where that is not known.
	Line, Column int
}

// Whole says that nothing is left out.
func (v sentView) Whole() bool {
	for _, l := range v.Lines {
		if l.Before || l.After {
			return false
		}
	}
	return !v.Hex && len(v.Lines) == v.All
}

// showSent makes lines of a body, with the place of a mistake among them where field or message tell it.
func showSent(body []byte, field, message string) sentView {
	if len(body) == 0 {
		return sentView{}
	}
	if !utf8.Valid(trimPartial(body)) {
		return showHex(body)
	}
	at := locate(body, field, message)
	lines := bytes.Split(bytes.TrimSuffix(body, []byte("\n")), []byte("\n"))
	view := sentView{All: len(lines)}
	first, column := 0, 0
	if at >= 0 {
		view.Line = bytes.Count(body[:at], []byte("\n")) + 1
		column = at - (bytes.LastIndexByte(body[:at], '\n') + 1)
		view.Column = utf8.RuneCount(body[at-column:at]) + 1
		first = max(0, min(view.Line-1-sentLines/2, len(lines)-sentLines))
	}
	for i := first; i < min(len(lines), first+sentLines); i++ {
		line := sentLine{Number: i + 1, Wrong: i+1 == view.Line}
		from := 0
		if line.Wrong {
			from = max(0, column-sentColumns/2)
		}
		line.Text, line.Before, line.After = window(lines[i], from)
		view.Lines = append(view.Lines, line)
	}
	return view
}

// trimPartial leaves out a character that was cut at the end.
func trimPartial(body []byte) []byte {
	for n := 1; n < utf8.UTFMax && n <= len(body); n++ {
		if tail := body[len(body)-n:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				return body[:len(body)-n]
			}
			break
		}
	}
	return body
}

// window is the part of a line from about byte from on.
func window(line []byte, from int) (text string, before, after bool) {
	for from > 0 && from < len(line) && !utf8.RuneStart(line[from]) {
		from--
	}
	from = min(from, len(line))
	rest := line[from:]
	end := min(len(rest), sentColumns)
	for end < len(rest) && !utf8.RuneStart(rest[end]) {
		end++
	}
	// The last character of all may be a part of one.
	return visible(strings.ToValidUTF8(string(rest[:end]), "\ufffd")), from > 0, end < len(rest)
}

// visible shows what a text would hide: characters without a shape, and those that turn the direction of what follows.
func visible(text string) string {
	if !strings.ContainsFunc(text, hides) {
		return text
	}
	var out strings.Builder
	for _, r := range text {
		if hides(r) {
			fmt.Fprintf(&out, `\u{%x}`, r)
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}

func hides(r rune) bool {
	return r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.In(r, unicode.Zl, unicode.Zp))
}

func showHex(body []byte) sentView {
	dump := strings.Split(strings.TrimSuffix(hex.Dump(body[:min(len(body), sentHex)]), "\n"), "\n")
	view := sentView{Hex: true, All: (len(body) + 15) / 16}
	for i, text := range dump {
		view.Lines = append(view.Lines, sentLine{Number: i + 1, Text: text})
	}
	return view
}

// atByte is how the reader of reports tells where JSON ends to be JSON.
var atByte = regexp.MustCompile(`at byte ([0-9]+)`)

// locate is the byte at which a mistake is, -1 when it is not known.
func locate(body []byte, field, message string) int {
	if m := atByte.FindStringSubmatch(message); m != nil {
		if at, err := strconv.Atoi(m[1]); err == nil && at <= len(body) {
			return at
		}
	}
	if field == "" {
		return -1
	}
	return locateField(body, field)
}

// locateField is where the value with this path starts, such as tests[3].execution_time; the nearest one around it that is there
// where it is missing, and -1 where there is none.
func locateField(body []byte, field string) int {
	w := pathWalk{from: json.NewDecoder(bytes.NewReader(body)), want: field, best: -1}
	w.from.UseNumber()
	_ = w.value("", 0) // what cannot be read has its own message
	for w.best >= 0 && w.best < len(body) && strings.IndexByte(" \t\r\n:,", body[w.best]) >= 0 {
		w.best++
	}
	if w.best >= len(body) {
		return -1
	}
	return w.best
}

// pathWalk goes through a document and remembers where the longest part of a path is.
type pathWalk struct {
	from *json.Decoder
	want string
	best int
	// matched is how much of the path is found.
	matched int
}

// deepest bounds nesting: nothing below a report's results has a path.
const deepest = 64

func (w *pathWalk) value(path string, depth int) error {
	at := int(w.from.InputOffset())
	token, err := w.from.Token()
	if err != nil {
		return err
	}
	if path != "" && len(path) > w.matched && strings.HasPrefix(w.want, path) && (len(path) == len(w.want) || strings.IndexByte(".[", w.want[len(path)]) >= 0) {
		w.best, w.matched = at, len(path)
	}
	open, nested := token.(json.Delim)
	if !nested {
		return nil
	}
	if depth >= deepest {
		return fmt.Errorf("deeper than %d", deepest)
	}
	for i := 0; w.from.More(); i++ {
		part := path + "[" + strconv.Itoa(i) + "]"
		if open == '{' {
			name, err := w.from.Token()
			if err != nil {
				return err
			}
			text, _ := name.(string)
			part = strings.TrimPrefix(path+"."+text, ".")
		}
		if err := w.value(part, depth+1); err != nil {
			return err
		}
	}
	_, err = w.from.Token()
	return err
}
