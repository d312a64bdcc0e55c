// Package testkit gives tests the real parts: one embedded engine per test
// process, an empty migrated database per test. A missing engine fails the test
// with what to do about it; nothing is skipped.
package testkit
