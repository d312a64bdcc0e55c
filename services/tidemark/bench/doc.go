// Package bench measures the product from outside: the built binary, real HTTP,
// the embedded engine and broker. `make bench` runs it and prints the machine
// and the seeds; ratios are taken within one run. See docs/performance.md.
package bench
