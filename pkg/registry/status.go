package registry

// The HTTP statuses of refusals, named here because net/http is no business of a pure package.
const (
	badRequest          = 400
	notFound            = 404
	conflict            = 409
	internalError       = 500
	notImplemented      = 501
	insufficientStorage = 507
)
