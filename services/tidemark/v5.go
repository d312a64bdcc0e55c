package main

import (
	"tidemark/pkg/openapi"
	"tidemark/services/intake"
)

// v5Writes are the operations of v5 that change something. Reading tells of them, whoever answers them.
func v5Writes() []openapi.Operation { return intake.Operations() }
