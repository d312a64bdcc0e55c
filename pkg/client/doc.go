// Package client submits reports to a server, over networks that fail. A file that could not be delivered is tried again; a file
// that was delivered twice counts once, because its idempotency key is made of its content, its options and where it goes. A
// file that the server refused is not tried again. Every file ends in exactly one [Result], and [ExitCode] sums them up.
package client
