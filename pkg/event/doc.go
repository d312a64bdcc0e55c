// Package event is the language of the log: what an event is, how it lies in a Kafka record, and what the projector answered.
//
// An event never changes once it is appended. Every envelope layout and every type version ever written decodes for ever; each has
// a golden record in testdata. Decoding is bounded: a hostile record costs at most [MaxBody] bytes and one error. The body is the
// client's bytes, untouched; its digest travels with it and is checked on every decode. The package is pure: clock and randomness
// come from the caller.
package event
