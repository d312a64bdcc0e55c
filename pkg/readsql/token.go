package readsql

import (
	"strconv"
	"strings"
)

// Kind of a [Token].
type Kind uint8

// The kinds.
const (
	Word    Kind = iota // a bare word or number
	Quoted              // `a` or "a"; Text is the name itself
	Literal             // 'a' or $$a$$
	Mark                // one character of punctuation
	Broken              // an unclosed quote or comment: the rest of the text
)

// Token is a piece of a statement; comments and space are left out.
type Token struct {
	Kind       Kind
	Text       string
	Start, End int // bytes of the statement
	Depth      int // of parentheses, brackets and braces around it
}

// Is reports whether the token is this keyword.
func (t Token) Is(keyword string) bool { return t.Kind == Word && strings.EqualFold(t.Text, keyword) }

// Scan cuts statement text into tokens, as far as until says. It follows the engine's lexer in
// what is quoted and what is a comment; the engine itself decides what is a statement.
func Scan(text string, until func(Token) bool) {
	depth := 0
	for i := 0; i < len(text); {
		next, t := scanOne(text, i)
		i = next
		if t == nil {
			continue
		}
		if t.Kind == Mark && strings.ContainsAny(t.Text, ")]}") {
			depth--
		}
		t.Depth = depth
		if t.Kind == Mark && strings.ContainsAny(t.Text, "([{") {
			depth++
		}
		if until(*t) {
			return
		}
	}
}

// scanOne returns the token at i, or nil for space and comments, and where the next begins.
func scanOne(text string, i int) (int, *Token) {
	rest := text[i:]
	switch c := text[i]; {
	case c <= ' ':
		return i + 1, nil
	case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "#!"), strings.HasPrefix(rest, "# "):
		if end := strings.IndexByte(rest, '\n'); end >= 0 {
			return i + end + 1, nil
		}
		return len(text), nil
	case strings.HasPrefix(rest, "/*"):
		if end := strings.Index(rest[2:], "*/"); end >= 0 {
			return i + end + 4, nil
		}
		return len(text), &Token{Kind: Broken, Start: i, End: len(text)}
	case c == '\'' || c == '"' || c == '`':
		return scanQuoted(text, i)
	case c == '$':
		if end, t := scanHeredoc(text, i); t != nil {
			return end, t
		}
		return scanWord(text, i)
	case isWordByte(c):
		return scanWord(text, i)
	default:
		return i + 1, &Token{Kind: Mark, Text: text[i : i+1], Start: i, End: i + 1}
	}
}

func isWordByte(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func scanWord(text string, i int) (int, *Token) {
	end := i + 1
	for end < len(text) && isWordByte(text[end]) {
		end++
	}
	return end, &Token{Kind: Word, Text: text[i:end], Start: i, End: end}
}

// scanQuoted reads a quoted piece; a doubled quote stands for one, a backslash escapes.
func scanQuoted(text string, i int) (int, *Token) {
	quote := text[i]
	var b strings.Builder
	for j := i + 1; j < len(text); j++ {
		switch {
		case text[j] == '\\' && j+1 < len(text):
			j++
			if text[j] == 'x' && j+2 < len(text) {
				if code, err := strconv.ParseUint(text[j+1:j+3], 16, 8); err == nil {
					b.WriteByte(byte(code))
					j += 2
					continue
				}
			}
			b.WriteByte(unescape(text[j]))
		case text[j] == quote && j+1 < len(text) && text[j+1] == quote:
			b.WriteByte(quote)
			j++
		case text[j] == quote:
			k := Quoted
			if quote == '\'' {
				k = Literal
			}
			return j + 1, &Token{Kind: k, Text: b.String(), Start: i, End: j + 1}
		default:
			b.WriteByte(text[j])
		}
	}
	return len(text), &Token{Kind: Broken, Start: i, End: len(text)}
}

func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 't':
		return '\t'
	case 'r':
		return '\r'
	case '0':
		return 0
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'a':
		return '\a'
	case 'v':
		return '\v'
	}
	return c
}

// scanHeredoc reads $tag$ ... $tag$; nil when there is none at i.
func scanHeredoc(text string, i int) (int, *Token) {
	length := strings.IndexByte(text[i+1:], '$')
	if length < 0 {
		return 0, nil
	}
	tag := text[i : i+length+2]
	if strings.ContainsFunc(tag[1:len(tag)-1], func(r rune) bool { return r >= 0x80 || !isWordByte(byte(r)) }) {
		return 0, nil
	}
	body := i + len(tag)
	end := strings.Index(text[body:], tag)
	if end < 0 {
		return 0, nil
	}
	return body + end + len(tag), &Token{Kind: Literal, Text: text[body : body+end], Start: i, End: body + end + len(tag)}
}
