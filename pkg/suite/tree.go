package suite

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Bounds of a YAML document. A schema of MaxMetrics metrics has about 10 000 nodes, three deep.
const (
	// MaxYAML is the largest schema file read, in bytes.
	MaxYAML  = 256 << 10
	maxNodes = 50_000
	maxDepth = 16
	// The parser calls itself once per bracket, dash or sigil in a row; these are refused before it sees them.
	maxBrackets = 64
	maxDashes   = 64
	maxSigils   = 1000
)

type kind uint8

const (
	isNull kind = iota
	isBool
	isNumber
	isText
	isList
	isObject
)

// tree is a YAML value and the line it begins on. An alias is the very node it names, so aliases cost nothing.
type tree struct {
	line   int
	kind   kind
	text   string // of a scalar, as written
	plain  bool   // a text without quotes
	items  []*tree
	keys   []string
	fields map[string]*tree
}

// get gives a field of an object; nil when there is none.
func (t *tree) get(key string) *tree { return t.fields[key] }

// parseTree reads one YAML document. Errors are [*YAMLError].
func parseTree(data []byte) (root *tree, err error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	switch {
	case len(data) > MaxYAML:
		return nil, invalid(0, fmt.Sprintf("%d bytes are more than %d", len(data), MaxYAML))
	case !utf8.Valid(data):
		return nil, invalid(0, "is not valid UTF-8")
	}
	if line := tooNested(data); line > 0 {
		return nil, invalid(line, "is nested too deeply")
	}
	defer func() {
		if p := recover(); p != nil {
			root, err = nil, invalid(0, fmt.Sprintf("could not be parsed: %v", p))
		}
	}()
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, parserError(err)
	}
	bodies := slices.DeleteFunc(file.Docs, func(d *ast.DocumentNode) bool { return d.Body == nil })
	if len(bodies) == 0 {
		return &tree{kind: isNull}, nil
	}
	if len(bodies) > 1 {
		return nil, invalid(lineOf(bodies[1].Body), "expected a single document")
	}
	b := builder{anchors: map[string]*tree{}}
	return b.build(bodies[0].Body, 0)
}

func invalid(line int, text string) error {
	return problem(line, "Invalid YAML schema payload: "+text)
}

func parserError(err error) error {
	var known yaml.Error
	if !errors.As(err, &known) {
		return invalid(0, err.Error())
	}
	line := 0
	if token := known.GetToken(); token != nil && token.Position != nil {
		line = token.Position.Line
	}
	if line > 0 {
		return invalid(line, fmt.Sprintf("line %d: %s", line, known.GetMessage()))
	}
	return invalid(0, known.GetMessage())
}

// tooNested gives the line at which the text could send the parser deeper than any schema goes, or 0. It counts what is within
// quotes as well: no schema has this much of it.
func tooNested(data []byte) int {
	brackets, sigils, line := 0, 0, 0
	for text := range bytes.Lines(data) {
		line++
		dashes := 0
		for rest := bytes.TrimLeft(text, " \t"); len(rest) > 1 && (rest[0] == '-' || rest[0] == '?' || rest[0] == ':') && (rest[1] == ' ' || rest[1] == '\t'); dashes++ {
			rest = bytes.TrimLeft(rest[1:], " \t")
		}
		for _, c := range text {
			switch c {
			case '[', '{':
				brackets++
			case ']', '}':
				brackets = max(0, brackets-1)
			case '!', '&', '*', '?':
				sigils++
			}
			if brackets > maxBrackets {
				return line
			}
		}
		if dashes > maxDashes || sigils > maxSigils {
			return line
		}
	}
	return 0
}

type builder struct {
	anchors map[string]*tree
	nodes   int
}

func (b *builder) build(n ast.Node, depth int) (*tree, error) {
	line := lineOf(n)
	if b.nodes++; b.nodes > maxNodes {
		return nil, invalid(line, fmt.Sprintf("has more than %d values", maxNodes))
	}
	if depth > maxDepth {
		return nil, invalid(line, "is nested too deeply")
	}
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return &tree{line: line, kind: isNull}, nil
	case *ast.StringNode:
		quote := n.Token != nil && (n.Token.Type.String() == "SingleQuote" || n.Token.Type.String() == "DoubleQuote")
		return &tree{line: line, kind: isText, text: n.Value, plain: !quote}, nil
	case *ast.LiteralNode:
		return &tree{line: line, kind: isText, text: n.Value.Value}, nil
	case *ast.BoolNode:
		return &tree{line: line, kind: isBool, text: n.Token.Value}, nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return &tree{line: line, kind: isNumber, text: n.GetToken().Value}, nil
	case *ast.SequenceNode:
		return b.list(n, line, depth)
	case ast.MapNode:
		return b.object(n, line, depth)
	case *ast.AnchorNode:
		t, err := b.build(n.Value, depth+1)
		if err == nil {
			b.anchors[n.Name.String()] = t
		}
		return t, err
	case *ast.AliasNode:
		if t := b.anchors[n.Value.String()]; t != nil {
			return t, nil
		}
		return nil, invalid(line, fmt.Sprintf("line %d: found undefined alias %q", line, n.Value.String()))
	case *ast.TagNode:
		return b.tagged(n, line, depth)
	default:
		return nil, invalid(line, fmt.Sprintf("line %d: a %s cannot be here", line, n.Type()))
	}
}

func (b *builder) list(n *ast.SequenceNode, line, depth int) (*tree, error) {
	t := &tree{line: line, kind: isList}
	for _, value := range n.Values {
		item, err := b.build(value, depth+1)
		if err != nil {
			return nil, err
		}
		t.items = append(t.items, item)
	}
	return t, nil
}

// object reads a mapping; what it merges in with "<<" does not replace what it says itself.
func (b *builder) object(n ast.MapNode, line, depth int) (*tree, error) {
	t := &tree{line: line, kind: isObject, fields: map[string]*tree{}}
	var merged []*tree
	for pairs := n.MapRange(); pairs.Next(); {
		value, err := b.build(pairs.Value(), depth+1)
		if err != nil {
			return nil, err
		}
		if _, ok := pairs.Key().(*ast.MergeKeyNode); ok {
			merged = append(merged, value)
			continue
		}
		key, err := b.build(pairs.Key(), depth+1)
		if err != nil {
			return nil, err
		}
		if key.kind == isList || key.kind == isObject {
			return nil, invalid(key.line, fmt.Sprintf("line %d: a key is not a text", key.line))
		}
		if t.fields[key.text] == nil {
			t.keys = append(t.keys, key.text)
		}
		t.fields[key.text] = value
		if len(t.keys) == 1 {
			t.line = key.line
		}
	}
	return t, b.merge(t, merged)
}

func (b *builder) merge(into *tree, from []*tree) error {
	for _, source := range from {
		if source.kind == isList {
			if err := b.merge(into, source.items); err != nil {
				return err
			}
			continue
		}
		if source.kind != isObject {
			return invalid(source.line, fmt.Sprintf("line %d: only an object can be merged in", source.line))
		}
		for _, key := range source.keys {
			if b.nodes++; b.nodes > maxNodes {
				return invalid(into.line, fmt.Sprintf("has more than %d values", maxNodes))
			}
			if into.fields[key] == nil {
				into.keys = append(into.keys, key)
				into.fields[key] = source.fields[key]
			}
		}
	}
	return nil
}

// tagged knows the one tag that schemas use: a number in quotes that should be a text.
func (b *builder) tagged(n *ast.TagNode, line, depth int) (*tree, error) {
	if n.Start == nil || n.Start.Value != "!!str" {
		return nil, invalid(line, fmt.Sprintf("line %d: tags other than !!str are not understood", line))
	}
	t, err := b.build(n.Value, depth+1)
	if err != nil {
		return nil, err
	}
	if t.kind == isList || t.kind == isObject {
		return nil, invalid(line, fmt.Sprintf("line %d: !!str is not before a text", line))
	}
	return &tree{line: line, kind: isText, text: t.text}, nil
}

func lineOf(n ast.Node) int {
	if n == nil {
		return 0
	}
	if token := n.GetToken(); token != nil && token.Position != nil {
		return token.Position.Line
	}
	return 0
}

// YAML 1.1, which LNT's reader speaks, has more words for true and false than YAML 1.2, which ours speaks.
var (
	trueWords  = []string{"true", "yes", "on"}
	falseWords = []string{"false", "no", "off"}
)

// truth reads a value that says yes or no; ok is false when it says neither. Numbers count as in Python.
func (t *tree) truth() (yes, ok bool) {
	if t == nil || t.kind == isNull {
		return false, true
	}
	switch {
	case t.kind == isBool, t.kind == isText && t.plain:
		word := strings.ToLower(t.text)
		if slices.Contains(trueWords, word) {
			return true, true
		}
		return false, slices.Contains(falseWords, word)
	case t.kind == isNumber && (t.text == "0" || t.text == "1"):
		return t.text == "1", true
	default:
		return false, false
	}
}
