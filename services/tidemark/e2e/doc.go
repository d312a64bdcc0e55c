// Package e2e proves the product from outside: the built program, its
// processes, its ports, its commands. Nothing here reaches into it.
//
// TIDEMARK_KILLS sets how often the crash test kills the server (3) and
// TIDEMARK_SEED what it repeats.
package e2e
