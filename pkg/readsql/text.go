package readsql

import (
	"slices"
	"strings"
)

// statement is a text that looks like one statement of a kind that readers may run.
type statement struct {
	text  string // to be sent: without the last semicolon, SHOW TABLES put as a question
	query bool   // it answers rows of its own columns: SELECT, not EXPLAIN or SHOW
}

// Ways for a statement to begin.
var beginnings = []string{"SELECT", "WITH", "FROM", "EXPLAIN", "DESCRIBE", "DESC", "SHOW", "EXISTS"}

// readText refuses what the text alone shows to be no question, in words for people. What it lets
// pass the engine's parser judges.
func readText(text string) (statement, error) {
	tokens := tokensOf(text)
	if len(tokens) == 0 {
		return statement{}, refuse("there is no statement")
	}
	if last := tokens[len(tokens)-1]; last.Kind == Broken {
		return statement{}, refuse("a quote or a comment is not closed")
	}
	end := slices.IndexFunc(tokens, func(t Token) bool { return t.Kind == Mark && t.Text == ";" })
	if end >= 0 {
		for _, t := range tokens[end:] {
			if t.Kind != Mark || t.Text != ";" {
				return statement{}, refuse("more than one statement: ask them one by one")
			}
		}
		text, tokens = text[:tokens[end].Start], tokens[:end]
	}
	if len(tokens) == 0 {
		return statement{}, refuse("there is no statement")
	}
	if err := checkClauses(tokens); err != nil {
		return statement{}, err
	}
	first := tokens[0]
	switch {
	case first.Kind == Mark && first.Text == "(":
		return statement{text: text, query: true}, nil
	case first.Is("SHOW"):
		return readShow(text, tokens)
	case !slices.ContainsFunc(beginnings, first.Is):
		return statement{}, refuse("%s is not for readers: SELECT, WITH, EXPLAIN, DESCRIBE and SHOW are", strings.ToUpper(first.Text))
	}
	return statement{text: text, query: first.Is("SELECT") || first.Is("WITH") || first.Is("FROM")}, nil
}

func tokensOf(text string) []Token {
	var tokens []Token
	Scan(text, func(t Token) bool {
		tokens = append(tokens, t)
		return false
	})
	return tokens
}

// checkClauses refuses clauses that say where the answer goes and how it looks.
func checkClauses(tokens []Token) error {
	for i, t := range tokens {
		if t.Depth != 0 || i == 0 {
			continue
		}
		before, last := tokens[i-1], i == len(tokens)-1
		switch {
		case before.Is("INTO") && t.Is("OUTFILE"):
			return refuse("INTO OUTFILE is not for readers: the answer comes back over the same connection")
		case before.Is("FORMAT") && (t.Kind == Word || t.Kind == Quoted) && (last || tokens[i+1].Is("SETTINGS")):
			return refuse("FORMAT is not said in the statement but beside it: json, jsonl, csv, tsv, parquet or arrow")
		}
	}
	return nil
}

// readShow takes SHOW TABLES, VIEWS, COLUMNS, FUNCTIONS and CREATE. What there is to see are the views, so SHOW TABLES and
// SHOW VIEWS become a question for their names.
func readShow(text string, tokens []Token) (statement, error) {
	what := ""
	if len(tokens) > 1 {
		what = strings.ToUpper(tokens[1].Text)
	}
	switch what {
	case "CREATE", "FUNCTIONS", "COLUMNS":
		return statement{text: text}, nil
	case "TABLES", "VIEWS":
	default:
		return statement{}, refuse("SHOW %s is not for readers: SHOW VIEWS, SHOW COLUMNS FROM a view, SHOW CREATE VIEW and SHOW FUNCTIONS are", what)
	}
	question := "SELECT name FROM system.tables WHERE database = currentDatabase() AND startsWith(name, 'v_')"
	switch rest := tokens[2:]; {
	case len(rest) == 0:
	case len(rest) == 2 && (rest[0].Is("LIKE") || rest[0].Is("ILIKE")) && rest[1].Kind == Literal:
		question += " AND name " + text[rest[0].Start:rest[1].End]
	default:
		return statement{}, refuse("SHOW %s takes nothing but LIKE 'pattern': the views are those of one database", what)
	}
	return statement{text: question + " ORDER BY name", query: true}, nil
}

// columnsTarget is the view that SHOW COLUMNS names, "" for a form that is not taken.
func columnsTarget(text string) string {
	tokens := tokensOf(text)
	if len(tokens) < 4 || !tokens[2].Is("FROM") && !tokens[2].Is("IN") {
		return ""
	}
	name, rest := tokens[3].Text, tokens[4:]
	if len(rest) > 1 && rest[0].Kind == Mark && rest[0].Text == "." {
		name, rest = name+"."+rest[1].Text, rest[2:]
	}
	for _, t := range rest {
		if t.Is("FROM") || t.Is("IN") {
			return "" // of which database is said before the name
		}
	}
	return name
}
