// Package openapi describes the v5 API as data: each operation with its
// parameters, its body, its answer and the token it needs. The services mount
// what they describe, so that what is not described is not there; [Document]
// gives the OpenAPI document and [Guide] the short text of the same operations.
// The schemas follow from the Go types that are read and written.
package openapi
