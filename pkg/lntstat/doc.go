// Package lntstat is LNT's judgement on two sets of samples of one metric of one test, rule by rule as its ComparisonResult has it
// (LNT 0.4.20, server/reporting/analysis.py).
//
// sql/detectors/lnt_compare.sql says the same of many at once; a test holds the two to each other and to what LNT itself said. This
// one is for a submission's answer, where planning that statement would cost more than everything else.
package lntstat
