// Package profile reads performance profiles: which functions of a program cost what, instruction by instruction, in the format
// LNT's current tools write (version 2).
//
// It is pure, and hostile input costs time and memory in proportion to its size and to the limits beside this text: every number,
// offset and count is checked before it is used, and compressed sections are expanded only when one function's code is asked for,
// up to a bound.
package profile
