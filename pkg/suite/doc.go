// Package suite holds the words of the domain: what a suite measures (its schema), how the points on
// its history are ordered, and the limits every name obeys.
//
// It is pure. A schema that passes Validate can be stored, submitted to and shown; an order key
// computed today equals the one computed tomorrow, because keys are stored and compared as bytes.
package suite
