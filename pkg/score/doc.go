// Package score says how well found changes fit known ones: matches within a
// margin, precision and recall by class, delays, and the two measures of the
// change-point literature, F1 over several annotators and covering.
//
// A change is the index of the first point after it. Pure: no clock, no files.
package score
