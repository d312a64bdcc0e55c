// Package pictures draws the worked series of docs/detection-detectors.md: its test
// runs the real detectors over them, compares the pictures with those in
// docs/pictures, and rewrites them with -update.
package pictures
