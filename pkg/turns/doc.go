// Package turns bounds how much of something goes on at once. A [Pool] has places; a [Share] is the part of a pool that one
// kind of work may take, with a bounded queue of its own. A place that is given back goes to the share that has the fewest, so
// that a crowd of one kind waits behind itself and not before the others.
package turns
