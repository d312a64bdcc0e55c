package readsql

import (
	"regexp"
	"strings"
)

// node is a line of a parse tree.
type node struct {
	name   string // of its kind: Function, TableIdentifier, …
	text   string // what follows: a function's name, a table's; without its alias
	depth  int
	parent int // its place in the list; -1 for the first
}

var childrenPattern = regexp.MustCompile(` \(children \d+\)$`)

// parseTree reads what EXPLAIN AST answers, TabSeparated: one node per line, indented by its depth.
func parseTree(tree string) []node {
	var nodes []node
	var path []int // the places of the nodes above, by depth
	for line := range strings.Lines(tree) {
		line = strings.TrimSuffix(line, "\n")
		trimmed := strings.TrimLeft(line, " ")
		if trimmed == "" {
			continue
		}
		n := node{depth: min(len(line)-len(trimmed), len(path)), parent: -1}
		name, rest, _ := strings.Cut(childrenPattern.ReplaceAllString(trimmed, ""), " ")
		text, _, _ := strings.Cut(unescapeTSV(rest), " (alias ")
		n.name, n.text = name, text
		// The body of an EXPLAIN or DESCRIBE stands one space in, as its options do.
		path = path[:n.depth]
		if n.depth > 0 {
			n.parent = path[n.depth-1]
		}
		path = append(path, len(nodes))
		nodes = append(nodes, n)
	}
	return nodes
}

// unescapeTSV undoes the escapes of the TabSeparated format.
func unescapeTSV(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
			b.WriteByte(unescape(s[i]))
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
