// Package detect runs the detectors of sql/detectors over a relation of points.
//
// A detector is a file; this package checks the parameters it is given, puts the
// points in front of its text and reads its answer. The same text judges a CSV, a
// stretch of a suite or all history: what differs is where the points come from.
//
// [Stored] judges what is stored of a suite: slots, backtests and explanations use it.
package detect
