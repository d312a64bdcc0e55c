package readsql

import (
	"fmt"
	"regexp"
	"strings"
)

// RefusedError is why a statement is not run.
type RefusedError struct {
	Reason  string // for people: what is refused, and what to do instead where there is something
	Setting bool   // it changes a setting
}

func (r *RefusedError) Error() string { return r.Reason }

func refuse(format string, args ...any) error {
	return &RefusedError{Reason: fmt.Sprintf(format, args...)}
}

// Guard refuses what a read-only user's rights let through but a reader has no business with:
// functions that read files, call out, wait, or show what others do. It reads the engine's own
// parse tree (EXPLAIN AST), in which names are resolved, comments gone and parameters filled in.
type Guard struct {
	functions map[string]struct{} // refused, lower case
	named     map[string]struct{} // those that are functions of values, which may be named where a lambda is expected
}

// Table functions that make rows out of nothing or out of a subquery.
var tableFunctionsAllowed = Words(`format fuzzjson generaterandom generateseries generate_series null numbers
	numbers_mt primes sqlstandardvalues values view viewifpermitted zeros zeros_mt`)

// Functions that read files, hold a thread, call other servers, write, or show the process.
var functionsRefused = Words(`addresstoline addresstolinewithinlines addresstosymbol catboostevaluate demangle
	file generateserialid getclienthttpheader getmacro getserverport getserversetting joinget joingetornull logtrace
	reversednsquery showcertificate sleep sleepeachrow zookeepersessionuptime filesystemavailable filesystemcapacity
	filesystemunreserved hascolumnintable getoskernelversion`)

var functionRefusedPattern = regexp.MustCompile(`(?i)^ai[_A-Z]|^dict(get|has|isin)|^(url|http|remote|s3|llm)`)

// Tables of the system database a reader may see: the catalogue and sizes. Not there:
// other people's statements, errors, threads' stacks, disks, users.
var systemTablesAllowed = Words(`aggregate_function_combinators build_options codecs collations columns completions
	constraints contributors data_skipping_indices data_skipping_index_types data_type_families database_engines
	databases dictionaries documentation events formats functions keywords licenses merge_tree_settings
	merges metrics mutations numbers numbers_mt one parts parts_columns primes projections settings table_engines
	table_functions tables time_zones tokenizers unicode view_refreshes zeros zeros_mt`)

// Statements a reader may run, as the parse tree names them.
var statementsAllowed = Words(`selectwithunionquery selectintersectexceptquery selectquery explain describequery
	describecachequery showtables showcolumns showindexes showfunctions showenginequery showsettingquery
	showcreatetablequery showcreateviewquery showcreatedatabasequery showcreatedictionaryquery
	existstablequery existsviewquery existsdatabasequery existsdictionaryquery`)

// Words is the set of words in text.
func Words(text string) map[string]struct{} {
	set := map[string]struct{}{}
	for _, word := range strings.Fields(text) {
		set[word] = struct{}{}
	}
	return set
}

// NewGuard is given the names of an engine's table functions and functions. It refuses every table
// function that is not known to be harmless, so a newer engine brings no new way out.
func NewGuard(tableFunctions, functions []string) *Guard {
	g := &Guard{functions: map[string]struct{}{}, named: map[string]struct{}{}}
	for _, name := range tableFunctions {
		if lower := strings.ToLower(name); !has(tableFunctionsAllowed, lower) {
			g.functions[lower] = struct{}{}
		}
	}
	for name := range functionsRefused {
		g.functions[name] = struct{}{}
	}
	for _, name := range functions {
		lower := strings.ToLower(name)
		if functionRefusedPattern.MatchString(name) && !strings.HasPrefix(lower, "urlh") && !strings.HasPrefix(lower, "urlp") {
			g.functions[lower] = struct{}{}
		}
		if has(g.functions, lower) {
			g.named[lower] = struct{}{}
		}
	}
	return g
}

func has(set map[string]struct{}, name string) bool {
	_, found := set[name]
	return found
}

// Check reads a parse tree as EXPLAIN AST writes it, TabSeparated, and returns a [*RefusedError] for the
// first thing that is refused in it.
func (g *Guard) Check(tree string) error { return g.check(parseTree(tree)) }

func (g *Guard) check(nodes []node) error {
	if len(nodes) == 0 {
		return refuse("an empty statement")
	}
	top := nodes[0].name
	if !has(statementsAllowed, strings.ToLower(top)) {
		return refuse("%s is not a statement for readers", top)
	}
	for _, n := range nodes {
		switch {
		// The engine holds SETTINGS of the whole statement to the reader's rights, those of a subquery to nothing.
		// An EXPLAIN's own options look alike, and are no settings.
		case n.name == "Set" && (n.parent < 0 || nodes[n.parent].name != "Explain"):
			return &RefusedError{Reason: "SETTINGS cannot be changed in a statement", Setting: true}
		// The tree does not say which function is applied.
		case n.name == "ColumnsApplyTransformer":
			return refuse("APPLY is not for readers: name the columns")
		}
		if err := g.checkNode(n); err != nil {
			return err
		}
	}
	return nil
}

func (g *Guard) checkNode(n node) error {
	switch n.name {
	case "Function":
		if has(g.functions, strings.ToLower(n.text)) {
			return refuse("function %s is not for readers", n.text)
		}
	case "Identifier":
		// arrayMap(file, …) calls file.
		if has(g.named, strings.ToLower(n.text)) {
			return refuse("function %s is not for readers", n.text)
		}
		return checkTable(n.text)
	case "TableIdentifier", "QualifiedAsterisk", "QualifiedColumnsRegexpMatcher", "QualifiedColumnsListMatcher":
		return checkTable(n.text)
	}
	if strings.HasPrefix(n.name, "Exists") || strings.HasPrefix(n.name, "ShowCreate") {
		database, table, _ := strings.Cut(n.text, " ")
		return checkTable(strings.Trim(database+"."+table, "."))
	}
	return nil
}

func checkTable(table string) error {
	if strings.ContainsAny(table, "/\\") {
		return refuse("%s is a file's name, which is not for readers", table)
	}
	database, name, ok := strings.Cut(table, ".")
	if !ok || !strings.EqualFold(database, "system") {
		return nil
	}
	name, _, _ = strings.Cut(name, ".")
	if !has(systemTablesAllowed, name) {
		return refuse("table %s is not for readers", table)
	}
	return nil
}
