package clickhouse

import (
	"fmt"
	"regexp"
	"strings"
)

// guard refuses what readonly and roles let through but a reader has no business with:
// functions that read files or call out, tables of the system database that show
// what others do. It reads the engine's own parse tree (EXPLAIN AST), in which names are
// resolved, comments gone and parameters filled in.
type guard struct {
	functions map[string]struct{} // refused, lower case
}

// Table functions that make rows out of nothing or out of a subquery.
var tableFunctionsAllowed = wordSet(`format fuzzjson generaterandom generateseries generate_series null numbers
	numbers_mt primes sqlstandardvalues values view viewifpermitted zeros zeros_mt`)

// Functions that read files, hold a thread, call other servers, or show the process.
var functionsRefused = wordSet(`addresstoline addresstolinewithinlines addresstosymbol catboostevaluate demangle
	file getclienthttpheader getmacro getserverport getserversetting joinget joingetornull showcertificate sleep
	sleepeachrow zookeepersessionuptime filesystemavailable filesystemcapacity filesystemunreserved`)

var functionRefusedPattern = regexp.MustCompile(`(?i)^ai[_A-Z]|^(url|http|remote|s3|llm)`)

// Tables of the system database a reader may see: the catalogue and sizes. Not there:
// other people's statements, errors, threads' stacks, disks, users.
var systemTablesAllowed = wordSet(`aggregate_function_combinators build_options codecs collations columns completions
	constraints contributors data_skipping_indices data_skipping_index_types data_type_families database_engines
	databases dictionaries documentation events formats functions keywords licenses merge_tree_settings
	merges metrics mutations numbers numbers_mt one parts parts_columns primes projections settings table_engines
	table_functions tables time_zones tokenizers unicode view_refreshes zeros zeros_mt`)

// Statements a reader may run, as the parse tree names them.
var statementsAllowed = wordSet(`selectwithunionquery selectintersectexceptquery selectquery explain describequery
	describecachequery showtables showcolumns showindexes showfunctions showenginequery showsettingquery
	showcreatetablequery showcreateviewquery showcreatedatabasequery showcreatedictionaryquery
	existstablequery existsviewquery existsdatabasequery existsdictionaryquery`)

// wordSet is the set of words in text.
func wordSet(text string) map[string]struct{} {
	set := map[string]struct{}{}
	for _, word := range strings.Fields(text) {
		set[word] = struct{}{}
	}
	return set
}

// newGuard refuses every table function of this engine that is not known to be harmless,
// so a newer engine brings no new way out.
func newGuard(tableFunctions, functions [][]string) *guard {
	g := &guard{functions: map[string]struct{}{}}
	for _, row := range tableFunctions {
		name := strings.ToLower(row[0])
		if _, ok := tableFunctionsAllowed[name]; !ok {
			g.functions[name] = struct{}{}
		}
	}
	for _, row := range functions {
		if functionRefusedPattern.MatchString(row[0]) && !strings.HasPrefix(strings.ToLower(row[0]), "urlh") && !strings.HasPrefix(strings.ToLower(row[0]), "urlp") {
			g.functions[strings.ToLower(row[0])] = struct{}{}
		}
	}
	for name := range functionsRefused {
		g.functions[name] = struct{}{}
	}
	return g
}

var childrenPattern = regexp.MustCompile(` \(children \d+\)$`)

// check reads a parse tree, one node per line, and returns what is refused in it.
func (g *guard) check(tree string) error {
	top := ""
	for line := range strings.Lines(tree) {
		node := childrenPattern.ReplaceAllString(strings.TrimSpace(strings.TrimSuffix(line, "\n")), "")
		name, rest, _ := strings.Cut(node, " ")
		if top == "" {
			if _, ok := statementsAllowed[strings.ToLower(name)]; !ok {
				return refused("%s is not a statement this port answers", name)
			}
			top = name
		}
		// The engine holds SETTINGS of the whole statement to readonly, those of a subquery to nothing.
		// An EXPLAIN's own options come as its first child.
		if depth := len(line) - len(strings.TrimLeft(line, " ")); name == "Set" && (depth != 1 || top != "Explain") {
			return exceptionf(codeReadonly, "Cannot modify settings in a statement in readonly mode, put them into the URL. (READONLY)")
		}
		if err := g.checkNode(name, rest); err != nil {
			return err
		}
	}
	return nil
}

func (g *guard) checkNode(name, rest string) error {
	rest = unescapeTSV(rest)
	switch name {
	case "Function":
		function, _, _ := strings.Cut(rest, " (alias ")
		if _, bad := g.functions[strings.ToLower(function)]; bad {
			return refused("function %s is not for this port", function)
		}
	case "TableIdentifier", "Identifier", "QualifiedAsterisk", "QualifiedColumnsRegexpMatcher", "QualifiedColumnsListMatcher":
		table, _, _ := strings.Cut(rest, " (alias ")
		return checkTable(table)
	}
	if strings.HasPrefix(name, "Exists") || strings.HasPrefix(name, "ShowCreate") {
		database, table, _ := strings.Cut(rest, " ")
		return checkTable(strings.Trim(database+"."+table, "."))
	}
	return nil
}

func checkTable(table string) error {
	if strings.ContainsAny(table, "/\\") {
		return refused("%s is a file's name", table)
	}
	database, name, ok := strings.Cut(table, ".")
	if !ok || !strings.EqualFold(database, "system") {
		return nil
	}
	name, _, _ = strings.Cut(name, ".")
	if _, allowed := systemTablesAllowed[name]; !allowed {
		return refused("table %s is not for this port", table)
	}
	return nil
}

func refused(format string, args ...any) *Exception {
	return exceptionf(codeAccessDenied, "%s: it is read-only and keeps to the tables. (ACCESS_DENIED)", fmt.Sprintf(format, args...))
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
