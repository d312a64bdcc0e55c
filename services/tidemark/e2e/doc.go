// Package e2e proves the product from outside: the built program, its
// processes, its ports, its commands. Nothing here reaches into it.
//
// lnt-submit.sh (make test-lnt) does the same with LNT's own client.
//
// People do in a browser what they come for, on a product with the demo's data; with -pictures
// (make screenshots) every page is photographed on the way.
//
// TIDEMARK_KILLS sets how often the crash test kills the server (3) and
// TIDEMARK_SEED what it repeats.
package e2e
