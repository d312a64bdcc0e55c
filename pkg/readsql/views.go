package readsql

import "strings"

// Table functions for questions over the views: rows out of nothing or out of a subquery.
var rowsAllowed = Words("generateseries generate_series null numbers numbers_mt values view zeros zeros_mt")

// Functions that tell of the server and of the statement, not of the views.
var processFunctions = Words(`authenticateduser authuser buildid connection_id connectionid currentprofiles currentroles
	currentschemas current_schemas currentuser current_user user session_user defaultprofiles defaultroles displayname
	enabledprofiles enabledroles fqdn fullhostname getmergetreesetting getsetting getsettingordefault hostname initialqueryid
	initial_query_id initialquerystarttime initial_query_start_time obfuscatequery serveruuid shardcount shardnum tcpport
	transactionid uptime throwif`)

// Tables of the system database that help to write a question.
var catalogueTables = Words("columns data_type_families functions numbers one tables time_zones zeros")

// Statements over the views, as the parse tree names them.
var viewStatements = Words(`selectwithunionquery selectintersectexceptquery explain describequery showcolumns showfunctions
	showcreateviewquery showcreatetablequery existsviewquery existstablequery`)

// What a query consists of in a parse tree. Anything else there is a clause such as FORMAT or INTO OUTFILE.
var queryParts = Words("ExpressionList SelectQuery SelectWithUnionQuery SelectIntersectExceptQuery")

// Functions that take a table's name for a set.
var inFunctions = Words(`in notin globalin globalnotin nullin notnullin globalnullin globalnotnullin
	inignoreset notinignoreset globalinignoreset globalnotinignoreset nullinignoreset notnullinignoreset`)

// checkViews refuses what a parse tree has beyond questions over the views of the catalogue, and says
// which views are read and whether the same question gives the same answer while they stay as they are.
func (c *catalogue) checkViews(nodes []node) (found finding, err error) {
	if err := c.guard.check(nodes); err != nil {
		return finding{}, err
	}
	top := nodes[0]
	if !has(viewStatements, strings.ToLower(top.name)) {
		return finding{}, refuse("%s is not for readers: SELECT, WITH, EXPLAIN, DESCRIBE and SHOW are", top.name)
	}
	found = finding{views: map[string]struct{}{}, steady: true}
	if database, table, named := strings.Cut(top.text, " "); named && top.name != "Explain" {
		if err := c.readTable(strings.Trim(database+"."+table, "."), &found); err != nil {
			return finding{}, err
		}
	}
	for i, n := range nodes {
		parent := node{}
		if n.parent >= 0 {
			parent = nodes[n.parent]
		}
		if err := c.checkPart(nodes, i, parent, &found); err != nil {
			return finding{}, err
		}
	}
	return found, nil
}

// finding is what a parse tree says of a question.
type finding struct {
	views  map[string]struct{}
	steady bool // no clock, no chance, no tables of the engine
}

func (c *catalogue) checkPart(nodes []node, i int, parent node, found *finding) error {
	n := nodes[i]
	switch {
	case parent.name == "SelectWithUnionQuery" && !has(queryParts, n.name):
		return refuse("FORMAT and INTO OUTFILE are not said in the statement: the format is said beside it")
	case parent.name == "Explain" && n.name != "SelectWithUnionQuery" && n.name != "SelectIntersectExceptQuery" && n.name != "Set":
		return refuse("EXPLAIN is for a SELECT here")
	case n.name == "TableIdentifier":
		return c.readTable(n.text, found)
	case n.name == "Function":
		return c.checkFunction(n, parent, found)
	case n.name == "Identifier" && has(processFunctions, strings.ToLower(n.text)) && has(c.functions, strings.ToLower(n.text)) && isArgument(nodes, i):
		return refuse("function %s is not for readers", n.text)
	case n.name == "Identifier" && isSet(nodes, i):
		return c.checkSet(n.text)
	}
	return nil
}

func (c *catalogue) checkFunction(n, parent node, found *finding) error {
	name := strings.ToLower(n.text)
	switch {
	case parent.name == "TableExpression" && !has(rowsAllowed, name):
		return refuse("table function %s is not for readers: the views are", n.text)
	case has(processFunctions, name), has(c.foreign, name):
		return refuse("function %s is not for readers", n.text)
	case has(c.unsteady, name):
		found.steady = false
	}
	return nil
}

// isArgument says that a node is the first argument of a function, where a function's name may stand for a lambda.
func isArgument(nodes []node, i int) bool {
	list := nodes[i].parent
	if list < 0 || list != i-1 || nodes[list].name != "ExpressionList" || nodes[list].parent < 0 {
		return false
	}
	return nodes[nodes[list].parent].name == "Function"
}

// isSet says that a node is what IN looks into.
func isSet(nodes []node, i int) bool {
	list := nodes[i].parent
	if list < 0 || list == i-1 || nodes[list].name != "ExpressionList" || nodes[list].parent < 0 {
		return false
	}
	function := nodes[nodes[list].parent]
	return function.name == "Function" && has(inFunctions, strings.ToLower(function.text))
}

// checkSet refuses a table as the set that IN looks into: only a subquery is held to the rows of a token's databases.
func (c *catalogue) checkSet(name string) error {
	_, view := c.views[name]
	_, table := c.tables[name]
	if view || table || strings.Contains(name, ".") {
		return refuse("IN %s may read a table whole: write IN (SELECT column FROM view), or has(array, value)", name)
	}
	return nil
}

// readTable says whether a table may be read, by its name as written.
func (c *catalogue) readTable(name string, found *finding) error {
	database, table, qualified := strings.Cut(name, ".")
	switch {
	case !qualified:
		table = name
	case strings.EqualFold(database, "system"):
		found.steady = false
		if !has(catalogueTables, table) {
			return refuse("table %s is not for readers", name)
		}
		return nil
	case database != c.database:
		return refuse("database %s is not for readers: the views are in %s", database, c.database)
	}
	if _, known := c.views[table]; known {
		found.views[table] = struct{}{}
		return nil
	}
	if _, known := c.tables[table]; known {
		if _, view := c.views["v_"+table]; view {
			return refuse("table %s is not for readers: its view v_%s is (a WITH clause needs another name)", table, table)
		}
		return refuse("table %s is not for readers: the views v_* are (a WITH clause needs another name)", table)
	}
	if qualified {
		return refuse("there is no view %s", name)
	}
	return nil // a WITH clause, or nothing: the engine says
}
