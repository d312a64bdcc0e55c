// Package bounds knows what ClickHouse says when a statement reached one of the bounds it was given: too much memory, time, rows. It
// is the one table of those codes: readers of every kind answer with "narrow it" instead of "something broke".
package bounds
