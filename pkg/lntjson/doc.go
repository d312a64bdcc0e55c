// Package lntjson writes numbers, texts and times as LNT's JSON has them.
//
// Clients and scripts compare and sort what LNT answers as text; so a float is
// always recognisable as one, and a time has no zone.
package lntjson
