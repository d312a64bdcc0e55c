// Package web serves Tidemark's pages: what moved, on which machine, since which
// order, and the chart that shows it.
//
// Pages are made on the server and need no script; only the chart does, and its
// values are also a table. Every question is one file in sql/queries/page_*.sql,
// asked through the bounded read pool, so a full pool is a 503 with Retry-After.
// Orders are sorted by their sort key. No page allows inline script or style, and
// a wrong parameter is answered with its name and how to mend it.
package web
